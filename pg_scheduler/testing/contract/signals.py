"""Who listens is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import Looked, Signal, SignalKind, ignored
from pg_scheduler.testing.contract.scene import NOON, at, new, reclaim, settle, started, submit

PATIENCE = 10.0
"""Seconds until a signal that does not come is a failure."""


@asynccontextmanager
async def hearing(
    driver: Driver,
    on_signal: Callable[[Signal], None],
    on_looked: Callable[[Looked], None] = ignored,
) -> AsyncIterator[None]:
    """Calls these with what is heard within this block."""
    ready = asyncio.Event()
    listener = asyncio.create_task(driver.signals.listen(on_signal, ready.set, on_looked))
    async with asyncio.timeout(PATIENCE):
        await ready.wait()
    try:
        yield
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


@asynccontextmanager
async def listening(driver: Driver) -> AsyncIterator[asyncio.Queue[SignalKind]]:
    """What kinds are heard within this block."""
    heard: asyncio.Queue[SignalKind] = asyncio.Queue()
    async with hearing(driver, lambda signal: heard.put_nowait(signal.kind)):
        yield heard


async def next_of(heard: asyncio.Queue[SignalKind], kind: SignalKind) -> None:
    """Return when this kind of signal has been heard."""
    async with asyncio.timeout(PATIENCE):
        while await heard.get() is not kind:
            pass


class TestSignals:
    """`listen`."""

    async def test_a_job_that_is_due_is_signalled(self, driver: Driver) -> None:
        async with listening(driver) as heard:
            await submit(driver, new())
            await next_of(heard, SignalKind.DUE)

    async def test_a_job_that_is_due_soon_by_the_stores_own_clock_is_signalled(self, driver: Driver) -> None:
        async with listening(driver) as heard:
            soon = datetime.now(UTC) + timedelta(seconds=30)
            await submit(driver, new(due=soon), now=None)
            await next_of(heard, SignalKind.DUE)

    async def test_a_wish_to_cancel_a_running_job_is_signalled(self, driver: Driver) -> None:
        await started(driver)
        async with listening(driver) as heard:
            await driver.jobs.request_cancel(["job"], now=at(1))
            await next_of(heard, SignalKind.CANCEL)

    async def test_a_released_and_a_recovered_job_are_signalled(self, driver: Driver) -> None:
        released = await started(driver)
        await started(driver, "lost")
        async with listening(driver) as heard:
            await settle(driver, released, JobEvent.RELEASE)
            await next_of(heard, SignalKind.DUE)
        async with listening(driver) as heard:
            await reclaim(driver, now=at(61))
            await next_of(heard, SignalKind.DUE)

    async def test_a_reopened_job_is_signalled(self, driver: Driver) -> None:
        await settle(driver, await started(driver), JobEvent.FAIL)
        async with listening(driver) as heard:
            await driver.jobs.override_status("job", JobStatus.PENDING, now=NOON)
            await next_of(heard, SignalKind.DUE)

    async def test_who_runs_a_job_that_is_moved_by_order_is_signalled(self, driver: Driver) -> None:
        for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.PENDING, JobStatus.CANCELLED):
            await started(driver, status)
            async with listening(driver) as heard:
                await driver.jobs.override_status(status, status, now=at(1))
                await next_of(heard, SignalKind.CANCEL)

    async def test_an_attempt_that_moves_its_own_job_is_not_signalled(self, driver: Driver) -> None:
        await started(driver)
        async with listening(driver) as heard:
            await driver.jobs.override_status("job", JobStatus.COMPLETED, now=at(1), stop_attempt=False)
            await submit(driver, new("later"))
            signals: list[SignalKind] = []
            while SignalKind.DUE not in signals:
                signals.append(await heard.get())
            assert SignalKind.CANCEL not in signals

    async def test_all_listeners_are_told(self, driver: Driver) -> None:
        async with listening(driver) as one, listening(driver) as other:
            await submit(driver, new())
            await next_of(one, SignalKind.DUE)
            await next_of(other, SignalKind.DUE)
