"""Who listens is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.model import NewJob
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


class TestWords:
    """What signals say beside their kind, and `tell_looked`."""

    async def _heard(self, driver: Driver, jobs: Sequence[NewJob], kind: SignalKind) -> Signal:
        heard: asyncio.Queue[Signal] = asyncio.Queue()
        async with hearing(driver, heard.put_nowait):
            await driver.jobs.submit(jobs, ConflictResolution.RAISE, now=NOON)
            async with asyncio.timeout(PATIENCE):
                while (signal := await heard.get()).kind is not kind:
                    pass
        return signal

    async def test_of_one_job_everything_is_told(self, driver: Driver) -> None:
        job = replace(new("one", due=at(5)), queue="mail")
        signal = await self._heard(driver, [job], SignalKind.DUE)
        assert (signal.jobs, signal.queue, signal.task_name) == (1, "mail", job.task_name)
        assert abs(signal.due_in - 5) < 0.001
        assert signal.key is not None

    async def test_of_several_it_is_told_how_many_and_what_they_share(self, driver: Driver) -> None:
        jobs = [
            replace(new(f"job {number}", due=at(number)), queue=f"queue {number % 2}") for number in range(4)
        ]
        signal = await self._heard(driver, jobs, SignalKind.DUE)
        assert (signal.jobs, signal.queue, signal.task_name) == (4, None, jobs[0].task_name)
        assert signal.due_in == 0

    async def test_of_very_many_as_well(self, driver: Driver) -> None:
        jobs = [new(f"job {number}", due=at(3)) for number in range(300)]
        signal = await self._heard(driver, jobs, SignalKind.DUE)
        assert (signal.jobs, signal.queue, signal.task_name) == (300, "default", jobs[0].task_name)
        assert abs(signal.due_in - 3) < 0.001

    async def test_of_jobs_in_lanes_it_is_told_as_well(self, driver: Driver) -> None:
        job = replace(new("one"), limit_key="key")
        signal = await self._heard(driver, [job], SignalKind.LANE)
        assert (signal.jobs, signal.queue, signal.task_name) == (1, "default", job.task_name)
        assert signal.key is not None

    async def test_names_may_be_long_and_of_any_letters(self, driver: Driver) -> None:
        name, job_id = "\"\\\U0001f600'{" * 51, "\u00e4" * 255
        job = replace(new(job_id), task_name=name, queue=name)
        signal = await self._heard(driver, [job], SignalKind.DUE)
        assert (signal.queue, signal.task_name) == (name, name)

    async def test_different_jobs_have_different_keys(self, driver: Driver) -> None:
        keys = {(await self._heard(driver, [new(name)], SignalKind.DUE)).key for name in ("a", "b", "c")}
        assert len(keys) == 3

    async def test_what_one_has_seen_all_hear(self, driver: Driver) -> None:
        words = [
            Looked("worker", "likes"),
            Looked("worker", "likes", 1.5, True, 2.5),
            Looked("worker", "", leases_end_in=3.0),
        ]
        heard: list[asyncio.Queue[Looked]] = [asyncio.Queue(), asyncio.Queue()]
        signals: list[Signal] = []
        async with (
            hearing(driver, signals.append, heard[0].put_nowait),
            hearing(driver, signals.append, heard[1].put_nowait),
        ):
            for word in words:
                await driver.signals.tell_looked(word)
            async with asyncio.timeout(PATIENCE):
                assert [[await one.get() for _ in words] for one in heard] == [words, words]
        assert signals == []
