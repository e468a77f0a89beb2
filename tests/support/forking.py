"""A program that forks, with a scheduler that was made before: `python -m tests.support.forking DSN LIBRARY
STAGE`. It prints what went wrong, and ends with 0 if nothing did."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

import asyncpg
import psycopg

from pg_scheduler import Queries, Scheduler, task
from pg_scheduler.client.source import Library
from pg_scheduler.ports import forks

CHILDREN = 2


@task(executor="thread")
def whose() -> int:
    """Which process runs this."""
    return os.getpid()


@task(executor="process")
def worker_process() -> int:
    """Which worker process runs this."""
    return os.getpid()


async def runs_its_own(scheduler: Scheduler) -> None:
    """The only scheduler that runs now runs the job that it stores."""
    job = await scheduler.using(store_result=True).enqueue(whose)
    assert await job.result(timeout=20) == os.getpid()


async def in_child(scheduler: Scheduler, say: Callable[[str], object]) -> None:
    """What each forked process does."""
    await scheduler.shutdown()  # legal before the start
    assert not scheduler.is_running
    assert not scheduler.active_jobs
    scheduler.reconfigure(max_concurrent_jobs=2)  # legal only where it does not run
    async with scheduler:
        say(scheduler.worker_id)
        # Which of the siblings runs a job is open; that each of them lives is not.
        job = await scheduler.enqueue(whose)
        assert await job.wait(timeout=20)
        assert await shared_queries.job(job)
    await shared_queries.close()


def forked(scheduler: Scheduler) -> list[str]:
    """The worker ids of forked processes, which end as programs do."""
    ours, theirs = os.pipe()
    children = []
    for _ in range(CHILDREN):
        if (pid := os.fork()) == 0:
            try:
                asyncio.run(in_child(scheduler, lambda said: os.write(theirs, f"{said}\n".encode())))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            sys.exit(0)  # with all that an interpreter collects at its end
        children.append(pid)
    os.close(theirs)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert ended == [0] * CHILDREN, ended
    with os.fdopen(ours) as said:
        return said.read().split()


async def backends(dsn: str) -> set[int]:
    """The server's ends of all connections."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return {row["pid"] for row in rows}
    finally:
        await connection.close()


class Beside:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def do(self, what: Awaitable[Any]) -> Any:
        """Its result."""

        async def awaited() -> Any:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(30)

    def end(self) -> None:
        """Close it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def made(scheduler: Scheduler, dsn: str) -> None:
    """It has only been made, and its identity was asked for."""
    ids = [scheduler.worker_id, *forked(scheduler)]
    assert len(set(ids)) == 1 + CHILDREN, ids


def opened(scheduler: Scheduler, dsn: str) -> None:
    """It was used in an event loop that is over: the tables are made before a server forks, say."""
    asyncio.run(scheduler.initialize_db())
    asyncio.run(shared_queries.open())
    made(scheduler, dsn)
    asyncio.run(runs_after(scheduler))


async def runs_after(scheduler: Scheduler) -> None:
    """The parent goes on."""
    async with scheduler:
        await runs_its_own(scheduler)


def running(scheduler: Scheduler, dsn: str) -> None:
    """It runs, in a thread, while the process forks."""
    beside, parent = Beside(), os.getpid()
    try:
        beside.do(scheduler.start())
        beside.do(shared_queries.open())
        beside.do(runs_its_own(scheduler))
        later = beside.do(scheduler.schedule(whose, execution_time=datetime.now(UTC) + timedelta(hours=1)))
        waiting = asyncio.run_coroutine_threadsafe(later.wait(), beside.loop)
        connected, worker = beside.do(backends(dsn)), scheduler.worker
        ids = [scheduler.worker_id, *forked(scheduler)]
        assert len(set(ids)) == 1 + CHILDREN, ids
        lost = connected - beside.do(backends(dsn))
        assert not lost, f"the children closed {len(lost)} connections of their parent"
        assert scheduler.worker is worker
        assert scheduler.is_running
        beside.do(runs_its_own(scheduler))
        assert beside.do(scheduler.cancel_job(later))
        assert waiting.result(20) == "cancelled"
        assert beside.do(shared_queries.queue_size()) == []
        beside.do(scheduler.shutdown())
        beside.do(shared_queries.close())
    finally:
        if os.getpid() == parent:
            beside.end()


def processes(scheduler: Scheduler, dsn: str) -> None:
    """It has worker processes, which its forks leave alone."""
    beside, parent = Beside(), os.getpid()

    async def worker_pid() -> Any:
        return await (await scheduler.using(store_result=True).enqueue(worker_process)).result(timeout=30)

    try:
        beside.do(scheduler.start())
        before = beside.do(worker_pid())
        forked(scheduler)
        assert beside.do(worker_pid()) == before
        beside.do(scheduler.shutdown())
    finally:
        if os.getpid() == parent:
            beside.end()


def left(scheduler: Scheduler, dsn: str, while_connecting: bool = False) -> None:
    """It is killed, and a fork of it lives on: the server hears of its end at once."""
    ours, theirs = os.pipe()

    def fork_one() -> None:
        if os.fork() == 0:
            os.read(ours, 1)  # until nobody holds the other end
            os._exit(0)

    if (parent := os.fork()) == 0:
        os.close(theirs)
        forking = WhileConnecting(fork_one) if while_connecting else None
        beside = Beside()
        beside.do(scheduler.start())
        beside.do(shared_queries.open())
        beside.do(runs_its_own(scheduler))
        if forking is None:
            fork_one()
        else:
            forking.settle()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(parent, 0)
    asyncio.run(all_hung_up(dsn))
    os.close(theirs)


def connecting(scheduler: Scheduler, dsn: str) -> None:
    """As `left`; whatever connects is forked in the midst of it."""
    left(scheduler, dsn, while_connecting=True)


class WhileConnecting:
    """Makes a call at some of the first times that either library connects, once the server has answered. (At
    each they would never come to an end.)"""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._times = count()
        self._under_way = 0
        self._overlapped: list[Any] = []
        asyncpg.connect = self._noticed(asyncpg.connect)
        of_class: Any = psycopg.AsyncConnection
        of_class.connect = classmethod(self._noticed(of_class.connect.__func__))

    def _noticed(self, connect: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def connected(*args: Any, **kwargs: Any) -> Any:
            ended = forks._forks.ended
            self._under_way += 1
            try:
                made = await connect(*args, **kwargs)
                if next(self._times) in (0, 2, 4, 6):
                    self._call()
                if forks._forks.begun != ended:
                    self._overlapped.append(made)
            finally:
                self._under_way -= 1
            return made

        return connected

    def settle(self) -> None:
        """Return when no connection is being made, and none is open that was being made during a fork."""
        while self._under_way or not all(map(is_closed, self._overlapped)):
            time.sleep(0.02)


def is_closed(connection: Any) -> bool:
    """Of either library."""
    return bool(connection.is_closed() if isinstance(connection, asyncpg.Connection) else connection.closed)


async def all_hung_up(dsn: str) -> None:
    """Return once nobody is connected any more."""
    async with asyncio.timeout(20):
        while await backends(dsn):
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    target, library, stage = sys.argv[1:4]
    shared = Scheduler(target, library=cast(Library, library))
    shared_queries = Queries(target, library=cast(Library, library))
    stages = (made, opened, running, processes, left, connecting)
    {each.__name__: each for each in stages}[stage](shared, target)
