"""One scheduler in one event loop after the other, as several `asyncio.run()` have it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import psycopg
import psycopg_pool
import pytest

from pg_scheduler import ConfigurationError, Queries, Scheduler, task
from pg_scheduler.client.pause_requests import PauseRequests
from pg_scheduler.client.source import Library
from pg_scheduler.engine.events import Event, Events
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.engine.worker import Worker
from pg_scheduler.ports.event_loops import LoopLock
from pg_scheduler.testing import MemoryDriver, drain
from pg_scheduler_postgres.home_session import HomeSession

ran: list[str] = []


@task
async def note(name: str) -> None:
    """Something to run."""
    ran.append(name)


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def _runs(scheduler: Scheduler, name: str) -> str:
    await scheduler.start()
    await (await scheduler.enqueue(note, name)).wait(timeout=10)
    return scheduler.worker_id


def test_a_run_whose_loop_was_closed_is_over_and_the_next_begins(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(MemoryDriver())
    with caplog.at_level(logging.WARNING, logger="pg_scheduler"):
        first = asyncio.run(_runs(scheduler, "first"))
        assert not scheduler.is_running
        second = asyncio.run(_runs(scheduler, "second"))
    assert (ran, first == second) == (["first", "second"], False)
    assert f"the event loop of worker {first} was closed without shutdown()" in caplog.text
    asyncio.run(scheduler.shutdown())


def test_it_does_not_start_beside_a_run_in_another_loop() -> None:
    scheduler = Scheduler(MemoryDriver())
    with asyncio.Runner() as runner:
        runner.run(_runs(scheduler, "first"))
        for refused in (scheduler.start, scheduler.open, scheduler.shutdown):
            with pytest.raises(ConfigurationError, match="started in another event loop"):
                asyncio.run(refused())
        runner.run(_runs(scheduler, "second"))
        runner.run(scheduler.shutdown())
    assert ran == ["first", "second"]


def test_a_worker_whose_loop_was_closed_is_told_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(MemoryDriver())
    asyncio.run(_runs(scheduler, "first"))
    told: list[Event] = []
    monkeypatch.setattr(Events, "emit", lambda _, event: told.append(event))

    async def stored() -> None:
        await scheduler.enqueue(note, "second")

    asyncio.run(stored())
    assert told == []


def test_one_that_is_stepped_by_hand_is_in_each_loop() -> None:
    scheduler = Scheduler(MemoryDriver())

    async def drained(name: str) -> None:
        await scheduler.enqueue(note, name)
        await drain(scheduler)

    for name in ("first", "second"):
        asyncio.run(drained(name))
    assert ran == ["first", "second"]


def test_a_start_that_failed_is_tried_again_in_the_next_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(MemoryDriver())

    async def failing() -> Worker | None:
        with monkeypatch.context() as patched:
            patched.setattr(scheduler, "register_schedules", None)
            with pytest.raises(TypeError):
                await scheduler.start()
        return scheduler._host._worker

    async def starting() -> Worker:
        async with scheduler:
            return scheduler.worker

    failed = asyncio.run(failing())
    assert failed is not None
    assert asyncio.run(starting()) is not failed


def test_two_loops_cannot_begin_a_run_at_once() -> None:
    host = Scheduler(MemoryDriver())._host

    async def begun() -> None:
        with host.starting():
            await asyncio.to_thread(asyncio.run, refused())

    async def refused() -> None:
        with pytest.raises(ConfigurationError, match="started in another event loop"), host.starting():
            """It must not get here."""

    asyncio.run(begun())


def test_one_that_ran_in_several_loops_is_kept_by_nobody_once_it_was_shut_down() -> None:
    scheduler = Scheduler(MemoryDriver())
    for name in ("first", "second"):
        asyncio.run(_runs(scheduler, name))
    asyncio.run(scheduler.shutdown())
    alive = weakref.ref(scheduler)
    del scheduler
    gc.collect()
    assert alive() is None


def test_one_whose_loop_was_closed_is_not_the_running_one() -> None:
    asyncio.run(_runs(Scheduler(MemoryDriver()), "first"))

    async def without_a_name() -> None:
        async with Scheduler(MemoryDriver()):
            await (await note.enqueue("second")).wait(timeout=10)

    with pytest.raises(ConfigurationError, match="no scheduler is bound or running in this process"):
        asyncio.run(without_running())
    asyncio.run(without_a_name())
    assert ran == ["first", "second"]


async def without_running() -> None:
    await note.enqueue("nobody's")


PROGRAM = """
import asyncio, gc, sys
import asyncpg
from pg_scheduler import ConfigurationError, PgQueuer, Queries, Scheduler, task

@task
async def note(): pass

scheduler = Scheduler(sys.argv[1], library=sys.argv[2])
queries = Queries(sys.argv[1], library=sys.argv[2])
queuer = PgQueuer(sys.argv[1], library=sys.argv[2])
ids = []

@queuer.entrypoint("mail")
async def mail(job): pass

async def once(started):
    (mailed,) = await queries.enqueue("mail")  # it makes the tables, too
    if started:
        await scheduler.start()
        job = await scheduler.enqueue(note)
        assert await job.wait(timeout=20) == "completed"
        ids.append(scheduler.worker_id)
    else:
        await scheduler.enqueue(note)
    await queuer.scheduler.start()
    assert await mailed.wait(timeout=20) == "completed"

for started in (False, True, True):
    asyncio.run(once(started))
assert len(set(ids)) == 2
asyncio.run(scheduler.shutdown())
asyncio.run(queries.close())
asyncio.run(queuer.scheduler.shutdown())

async def all_hung_up():
    gc.collect()
    connection = await asyncpg.connect(sys.argv[1])
    async with asyncio.timeout(10):
        while await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ):
            await asyncio.sleep(0.02)
    await connection.close()

asyncio.run(all_hung_up())
"""


def test_with_a_connection_string_it_connects_in_each_loop_anew(dsn: str, library: Library) -> None:
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), dsn, library]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    expected = ("closed without shutdown()", "task 'mail' is not known to this worker")
    told = [line for line in done.stderr.splitlines() if not any(part in line for part in expected)]
    assert (done.stdout, told, done.returncode) == ("", [], 0)


def test_what_is_open_in_a_loop_that_still_runs_is_refused(dsn: str, library: Library) -> None:
    queries, scheduler = Queries(dsn, library=library), Scheduler(dsn, library=library)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(queries.open(), loop).result(20)
        asyncio.run_coroutine_threadsafe(scheduler.initialize_db(), loop).result(20)
        for refused in (queries.open, queries.close, scheduler.open):
            with pytest.raises(ConfigurationError, match="another event loop, which has not ended"):
                asyncio.run(refused())
        assert note.using(scheduler=scheduler).enqueue_sync("from this thread, in that loop")
        asyncio.run_coroutine_threadsafe(queries.close(), loop).result(20)
        asyncio.run_coroutine_threadsafe(scheduler.shutdown(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@asynccontextmanager
async def pool_of(library: Library, dsn: str) -> AsyncIterator[Any]:
    if library == "asyncpg":
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
            yield pool
    else:
        async with psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=2, open=False) as made:
            yield made


async def connection_of(library: Library, dsn: str) -> Any:
    return await (asyncpg.connect(dsn) if library == "asyncpg" else psycopg.AsyncConnection.connect(dsn))


def test_a_pool_of_a_loop_that_has_ended_is_refused(dsn: str, library: Library) -> None:
    async def used() -> Queries:
        async with pool_of(library, dsn) as pool:
            queries = Queries(pool)
            await queries.open()
            return queries

    queries = asyncio.run(used())
    for call in (queries.open, queries.queue_size):
        with pytest.raises(ConfigurationError, match="pool was used in an event loop that has ended"):
            asyncio.run(call())
    asyncio.run(queries.close())


def test_a_pool_serves_again_in_its_loop(dsn: str, library: Library) -> None:
    async def used() -> tuple[Queries, Any]:
        pool = pool_of(library, dsn)
        queries = Queries(await pool.__aenter__())
        await queries.install()
        return queries, pool

    with asyncio.Runner() as runner:
        queries, pool = runner.run(used())
        with pytest.raises(ConfigurationError, match="another event loop, which has not ended"):
            asyncio.run(queries.queue_size())
        assert runner.run(queries.queue_size()) == []
        runner.run(queries.close())
        runner.run(pool.__aexit__(None, None, None))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_pool_or_connection_of_the_parent_is_refused_in_a_fork(dsn: str, library: Library) -> None:
    async def refusals() -> list[str]:
        async with pool_of(library, dsn) as pool:
            connection = await connection_of(library, dsn)
            async with Queries(pool) as of_pool:
                of_connection = Queries(connection)  # not even used before
                told = [in_fork(one.queue_size) for one in (of_pool, of_connection)]
                assert await of_pool.queue_size() == []
            await connection.close()
        return told

    of_pool, of_connection = asyncio.run(refusals())
    assert "ConfigurationError: the pool was given in process" in of_pool
    assert "ConfigurationError: the connection was given in process" in of_connection


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_of_one_that_runs_has_threads_of_its_own() -> None:
    async def in_parent() -> str:
        async with Scheduler(MemoryDriver()) as scheduler:
            await (await scheduler.enqueue(in_thread)).wait(timeout=10)
            return in_fork(lambda: ran_here(scheduler))

    async def ran_here(scheduler: Scheduler) -> bool:
        async with scheduler:
            job = await scheduler.using(store_result=True).enqueue(in_thread)
            return await job.result(timeout=10) == os.getpid()

    assert asyncio.run(in_parent()) == "True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_of_one_that_runs_stores_pauses_by_itself() -> None:
    stored: list[tuple[str, bool]] = []

    async def store(key: str, paused: bool) -> bool:
        stored.append((key, paused))
        return True

    async def in_parent() -> str:
        pauses = PauseRequests(store, SystemClock())
        await pauses.store_all()
        return in_fork(lambda: requested(pauses))

    async def requested(pauses: PauseRequests) -> object:
        pauses.request("key", True)
        await pauses.done()
        return stored

    assert asyncio.run(in_parent()) == "[('key', True)]"


@task(executor="thread")
def in_thread() -> int:
    """Which process runs this."""
    return os.getpid()


def in_fork(call: Callable[[], Coroutine[Any, Any, object]]) -> str:
    """What a call came to in a forked process."""
    ours, theirs = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            outcome = repr(asyncio.run(call()))
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        os.write(theirs, outcome.encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as said:
        told = said.read()
    os.waitpid(pid, 0)
    return told


async def test_concurrent_first_calls_in_the_next_loop_open_one_session() -> None:
    made: list[Opened] = []

    class Opened:
        def __init__(self) -> None:
            self.times = 0
            made.append(self)

        async def open(self) -> None:
            await asyncio.sleep(0)
            self.times += 1

    home = HomeSession(cast(Any, Opened))
    loop = asyncio.new_event_loop()
    await asyncio.to_thread(loop.run_until_complete, home.open())
    loop.close()
    await asyncio.gather(*(home.open() for _ in range(5)))
    assert [one.times for one in made] == [1, 1]


def test_tasks_of_each_loop_take_turns_at_a_lock() -> None:
    lock, inside = LoopLock(), 0

    async def turn() -> None:
        nonlocal inside
        async with lock:
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    async def turns() -> None:
        await asyncio.gather(*(turn() for _ in range(3)))

    for _ in range(2):
        asyncio.run(turns())
