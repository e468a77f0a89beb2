"""A blocked event loop is noticed from outside it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from pg_scheduler import InvalidInput, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.engine.leases.home_loop import HomeLoop, HomeLoopClosed
from pg_scheduler.engine.leases.loop_thread import LoopThread
from pg_scheduler.engine.leases.loop_watch import LoopWatch
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.testing import MemoryDriver
from tests.support.running import HastyScheduler, eventually, past


@contextmanager
def watching(attempts: list[Attempt]) -> Iterator[tuple[list[str | None], threading.Event]]:
    """What was reported, and an event for each report."""
    reported: list[str | None] = []
    told = threading.Event()

    def on_blocked(job_id: str | None) -> None:
        reported.append(job_id)
        told.set()

    watch = LoopWatch(lambda: attempts, 0.05, on_blocked)
    watch.start()
    try:
        yield reported, told
    finally:
        watch.stop()


async def test_a_block_is_reported_once_however_long_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    with (
        watching([]) as (reported, told),
        caplog.at_level(logging.WARNING, "pg_scheduler.engine.leases.loop_watch"),
    ):
        told.wait(10)
        time.sleep(0.3)  # noqa: ASYNC251 - blocking is the point
        await asyncio.sleep(0)
        assert reported == [None]
    (record,) = [one for one in caplog.records if "blocked" in one.message]
    assert "told.wait" in vars(record)["stack"]


async def test_a_free_loop_is_not_reported() -> None:
    with watching([]) as (reported, _):
        for _ in range(30):
            await asyncio.sleep(0.01)
    assert reported == []


async def test_the_job_that_blocks_is_named_among_those_that_run(dsn: str) -> None:
    blocked = threading.Event()
    reported: list[str | None] = []

    async def innocent() -> None:
        await asyncio.Event().wait()

    async def culprit() -> None:
        blocked.wait(10)

    async with Scheduler.connect(dsn) as scheduler:
        waits = await scheduler.schedule(innocent, execution_time=past())
        await eventually(lambda: scheduler.active_jobs)

        def on_blocked(job_id: str | None) -> None:
            reported.append(job_id)
            blocked.set()

        watch = LoopWatch(scheduler.worker.services.active.attempts, 0.05, on_blocked)
        watch.start()
        handle = await scheduler.schedule(culprit, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
        watch.stop()
        await waits.cancel()
        await waits.wait(timeout=45)
    assert str(handle) in reported


async def test_no_thread_beside_the_loop_keeps_a_process_alive() -> None:
    """A main thread that ends without a shutdown ends the process."""
    others = set(threading.enumerate())
    thread = LoopThread("leases", lambda: asyncio.sleep(60))
    thread.start()
    with watching([]):
        started = {one.name: one.daemon for one in threading.enumerate() if one not in others}
    await thread.stop()
    assert started == {"leases": True, "pg_scheduler-loop-watch": True}


def test_stopping_is_legal_before_the_start_and_twice() -> None:
    watch = LoopWatch(list, 0.05)
    watch.stop()
    watch.stop()


# --- a loop that is closed, or blocked for ever, keeps no lease

abandoned: list[Scheduler] = []
"""Kept for good: nobody closes their connections, of which Python complains once they are garbage."""


def in_its_own_thread(what: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=what, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("closed", [True, False])
async def test_jobs_of_a_loop_that_never_turns_again_are_taken_over(
    dsn: str, library: Library, sql: asyncpg.Connection, closed: bool
) -> None:
    """Closed without a shutdown (a notebook, a framework that makes loops anew), or blocked for too long."""
    done = threading.Event()

    def leave_it() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(start_and_leave())
        if not closed:
            loop.call_soon(done.wait, 60)
            loop.run_until_complete(asyncio.sleep(0))
        for task in asyncio.all_tasks(loop):
            task.cancel = lambda *_: False  # type: ignore[method-assign]
        loop.close()

    async def start_and_leave() -> None:
        scheduler = HastyScheduler(dsn, library=library, max_blocked=2)
        abandoned.append(scheduler)
        scheduler.register(stuck, name="stuck")
        await scheduler.start()
        await scheduler.schedule(stuck, execution_time=past())
        while not scheduler.active_jobs:
            await asyncio.sleep(0.01)

    async def stuck() -> None:
        await asyncio.Event().wait()

    others = set(threading.enumerate())
    thread = in_its_own_thread(leave_it)
    try:
        await eventually(lambda: sql.fetchval("SELECT to_regclass('scheduled_jobs') IS NOT NULL"))
        await eventually(lambda: sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE status = 'running'"))

        async def takes_it() -> None: ...

        async with HastyScheduler(dsn, library=library) as other:
            other.register(takes_it, name="stuck")
            await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))
    finally:
        done.set()
        await asyncio.to_thread(thread.join)
        # Its lease keeper too is gone, before the tables are.
        await eventually(
            lambda: all("lease-keeper" not in t.name for t in set(threading.enumerate()) - others)
        )


async def test_a_loop_that_responds_again_keeps_its_leases_again(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    home = HomeLoop(asyncio.get_running_loop(), lambda: now[0], 60)
    now[0] = 59
    assert home.lives()
    now[0] = 60
    assert not home.lives()
    assert not home.lives()
    assert [one.levelname for one in caplog.records] == ["ERROR"], "said once"
    await asyncio.sleep(0)
    assert home.lives()
    now[0] = 120
    assert not home.lives()
    assert len(caplog.records) == 2, "said anew"


def test_a_closed_loop_is_known() -> None:
    loop = asyncio.new_event_loop()
    home = HomeLoop(loop, time.monotonic, 60)
    assert home.lives()
    loop.close()
    with pytest.raises(HomeLoopClosed):
        home.lives()


@pytest.mark.parametrize("wrong", [0, 0.5, -1, "60", None, float("nan"), float("inf")])
def test_max_blocked_is_a_number_of_leases(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="max_blocked"):
        Scheduler(MemoryDriver(), max_blocked=wrong)
