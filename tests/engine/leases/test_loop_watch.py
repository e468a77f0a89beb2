"""A blocked event loop is noticed from outside it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.engine.leases.loop_watch import LoopWatch
from pg_scheduler.engine.running.attempt import Attempt
from tests.support.running import eventually, past


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


def test_stopping_is_legal_before_the_start_and_twice() -> None:
    watch = LoopWatch(list, 0.05)
    watch.stop()
    watch.stop()
