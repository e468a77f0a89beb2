"""Who waits for a job is told how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.limiting import claim_lanes
from pg_scheduler.testing.contract.scene import (
    at,
    claim,
    claimed,
    new,
    reclaim,
    settle,
    settlement_of,
    started,
    stored,
    submit,
)
from pg_scheduler.testing.contract.signals import PATIENCE, listening, next_of

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""Due by any clock."""

End = tuple[str, JobStatus]


@asynccontextmanager
async def awaiting(driver: Driver, *job_ids: str) -> AsyncIterator[asyncio.Queue[End]]:
    """The ends that are told within this block, of these jobs."""
    ends: asyncio.Queue[End] = asyncio.Queue()
    ready = asyncio.Event()
    listener = asyncio.create_task(
        driver.signals.listen_finished(lambda job_id, status: ends.put_nowait((job_id, status)), ready.set)
    )
    async with asyncio.timeout(PATIENCE):
        await ready.wait()
    await driver.signals.await_jobs(job_ids)
    try:
        yield ends
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def next_end(ends: asyncio.Queue[End]) -> End:
    """The next end that is told."""
    async with asyncio.timeout(PATIENCE):
        return await ends.get()


class TestEnding:
    """`await_jobs` and `listen_finished`."""

    async def test_the_end_of_an_awaited_attempt_is_told(self, driver: Driver) -> None:
        jobs = {event: await started(driver, event) for event in (JobEvent.COMPLETE, JobEvent.FAIL)}
        async with awaiting(driver, *jobs) as ends:
            for event, job in jobs.items():
                await settle(driver, job, event)
            assert await next_end(ends) == (JobEvent.COMPLETE, JobStatus.COMPLETED)
            assert await next_end(ends) == (JobEvent.FAIL, JobStatus.FAILED)

    async def test_only_awaited_jobs_are_settlement_of(self, driver: Driver) -> None:
        unasked, requested = await started(driver, "unasked"), await started(driver, "asked")
        async with awaiting(driver, "asked", "unknown") as ends:
            await settle(driver, unasked, JobEvent.COMPLETE)
            await settle(driver, requested, JobEvent.COMPLETE)
            assert await next_end(ends) == ("asked", JobStatus.COMPLETED)

    async def test_asking_about_a_job_that_waits_makes_workers_look_again(self, driver: Driver) -> None:
        """A claim passes by a row that is locked, also by this question, and rests until it is told."""
        await submit(driver, new(due=LONG_AGO), new("in a lane", due=LONG_AGO, limit_key="k"))
        async with listening(driver) as heard:
            await driver.signals.await_jobs(["job"])
            await next_of(heard, SignalKind.DUE)
            await driver.signals.await_jobs(["in a lane"])
            await next_of(heard, SignalKind.LANE)

    async def test_a_retry_is_no_end(self, driver: Driver) -> None:
        job, other = await started(driver), await started(driver, "other")
        async with awaiting(driver, "job", "other") as ends:
            await settle(driver, job, JobEvent.RETRY)
            await settle(driver, other, JobEvent.COMPLETE)
            assert await next_end(ends) == ("other", JobStatus.COMPLETED)

    async def test_an_awaited_job_that_is_not_kept_stays_until_its_end_has_been_seen(
        self, driver: Driver
    ) -> None:
        jobs = [await started(driver, name, store_result=True) for name in ("awaited", "other")]
        async with awaiting(driver, "awaited") as ends:
            verdicts = [settlement_of(job, JobEvent.COMPLETE, result="1") for job in jobs]
            answer = await driver.jobs.settle(verdicts, now=at(10), not_kept=[JobStatus.COMPLETED])
            assert (answer.accepted, answer.deleted) == ([True, True], {JobStatus.COMPLETED: 1})
            assert await next_end(ends) == ("awaited", JobStatus.COMPLETED)
        for policy in (VacuumPolicy.immediate(), VacuumPolicy.keep_last(0)):
            assert await driver.retention.prune(JobStatus.COMPLETED, policy, 10, now=at(69)) == 0
        assert (await stored(driver, "awaited")).result == "1"
        assert await driver.insight.statuses(["awaited", "other"]) == {"awaited": JobStatus.COMPLETED}
        assert (
            await driver.retention.prune(JobStatus.COMPLETED, VacuumPolicy.immediate(), 10, now=at(70)) == 1
        )

    async def test_the_history_of_an_awaited_job_that_is_not_kept_stays_with_it(self, driver: Driver) -> None:
        await settle(driver, await started(driver), JobEvent.RETRY, traceback="before")
        job = await claimed(driver, now=at(50))
        await driver.signals.await_jobs(["job"])
        verdict = settlement_of(job, JobEvent.FAIL, error_message="broken", traceback="here")
        answer = await driver.jobs.settle([verdict], now=at(10), not_kept=[JobStatus.FAILED])
        assert (answer.accepted, answer.deleted) == ([True], {})
        found = [attempt.traceback for attempt in await driver.insight.attempts("job")]
        assert found == ["before", "here"]
        assert await driver.retention.prune(JobStatus.FAILED, VacuumPolicy.keep_last(0), 10, now=at(70)) == 1
        assert await driver.insight.attempts("job") == []

    async def test_it_is_known_whose_ends_will_be_told(self, driver: Driver) -> None:
        done = await started(driver, "done")
        await settle(driver, done, JobEvent.COMPLETE)
        await submit(driver, new("waits"), new("unasked"))
        await started(driver, "runs")
        for _ in range(2):
            assert await driver.signals.await_jobs(["waits", "runs", "done", "unknown"]) == {"waits", "runs"}
        assert await driver.signals.await_jobs([]) == set()

    async def test_cancelling_expiring_and_giving_up_are_told(self, driver: Driver) -> None:
        await submit(driver, new("cancelled"), new("expired", due=at(-100), misfire_grace_seconds=5))
        await started(driver, "lost")
        async with awaiting(driver, "cancelled", "expired", "lost") as ends:
            await driver.jobs.request_cancel(["cancelled"], now=at(1))
            assert await next_end(ends) == ("cancelled", JobStatus.CANCELLED)
            await claim(driver, now=at(1))
            assert await next_end(ends) == ("expired", JobStatus.EXPIRED)
            await reclaim(driver, now=at(61), max_crashes=1)
            assert await next_end(ends) == ("lost", JobStatus.FAILED)

    async def test_an_operators_word_is_told(self, driver: Driver) -> None:
        await submit(driver, new("done"), new("dropped"))
        async with awaiting(driver, "done", "dropped") as ends:
            await driver.jobs.override_status("done", JobStatus.COMPLETED, now=at(1))
            assert await next_end(ends) == ("done", JobStatus.COMPLETED)
            await driver.jobs.override_status("dropped", JobStatus.CANCELLED, now=at(1))
            assert await next_end(ends) == ("dropped", JobStatus.CANCELLED)

    async def test_the_end_of_a_job_in_a_lane_is_told_however_it_comes(self, driver: Driver) -> None:
        await submit(
            driver,
            new("late", due=at(-100), misfire_grace_seconds=5, limit_key="k"),
            new("in time", limit_key="k"),
        )
        async with awaiting(driver, "late") as ends:
            await claim_lanes(driver, now_in=1)
            assert await next_end(ends) == ("late", JobStatus.EXPIRED)
