"""The words that the contract's tests are written in: pinned instants, and one-line steps of a job's life.

No step asks what time it is, so a test gives the same answer on every day and every machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.model import ClaimedJob, JobRecord, NewJob
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import ReclaimAnswer, ReclaimRequest

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""When jobs of a test are stored and due unless it says otherwise."""
LEASE = timedelta(seconds=60)
"""How long a claim of a test leases."""
OWNER, RIVAL = "owner", "rival"
"""Two workers."""

RAISE, IGNORE, REPLACE = ConflictResolution.RAISE, ConflictResolution.IGNORE, ConflictResolution.REPLACE

E = TypeVar("E", bound=Exception)


def at(seconds: float) -> datetime:
    """The instant this many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def new(job_id: str = "job", *, task: str = "task", due: datetime = NOON, **definition: Any) -> NewJob:
    """A job to be stored."""
    return NewJob(job_id, task, due, definition.pop("task_data", '{"args": [], "kwargs": {}}'), **definition)


async def submit(
    driver: Driver, *jobs: NewJob, conflict: ConflictResolution = RAISE, now: datetime | None = NOON
) -> list[Submission]:
    """Store jobs."""
    return await driver.jobs.submit(jobs, conflict, now=now)


def claim_request(
    worker: str = OWNER,
    names: Collection[str] = ("task",),
    limit: int = 100,
    lease: timedelta = LEASE,
    queues: Collection[str] | None = None,
) -> ClaimRequest:
    """Who claims what, with the lease of these tests."""
    return ClaimRequest(worker_id=worker, task_names=names, limit=limit, lease=lease, queues=queues)


async def claim(
    driver: Driver,
    worker: str = OWNER,
    *,
    now: datetime = NOON,
    names: Collection[str] = ("task",),
    limit: int = 100,
    queues: Collection[str] | None = None,
) -> ClaimAnswer:
    """Claim due jobs."""
    return await driver.jobs.claim(claim_request(worker, names, limit, queues=queues), now=now)


async def claimed(
    driver: Driver, worker: str = OWNER, *, job_id: str = "job", now: datetime = NOON
) -> ClaimedJob:
    """This very job, pending until now, running under a new lease of `worker`."""
    job = await driver.jobs.claim_job(job_id, claim_request(worker), now=now)
    assert job is not None, f"{job_id!r} should be pending and could not be claimed"
    return job


async def started(driver: Driver, job_id: str = "job", **definition: Any) -> ClaimedJob:
    """A new job, stored and running since noon under a lease of the owner."""
    await submit(driver, new(job_id, **definition))
    return await claimed(driver, job_id=job_id)


def settlement_of(job: ClaimedJob, event: JobEvent, worker: str = OWNER, **verdict: Any) -> Settlement:
    """A verdict under the lease of an attempt. RETRY and SNOOZE carry a delay of 30 s unless given."""
    if event in (JobEvent.RETRY, JobEvent.SNOOZE):
        verdict.setdefault("delay", timedelta(seconds=30))
    return Settlement(job.job_id, job.epoch, worker, Verdict(event, **verdict))


async def settle(
    driver: Driver,
    job: ClaimedJob,
    event: JobEvent,
    worker: str = OWNER,
    *,
    now: datetime | None = None,
    **verdict: Any,
) -> bool:
    """Settle one attempt, ten seconds after noon unless said otherwise; whether that was accepted."""
    answer = await driver.jobs.settle([settlement_of(job, event, worker, **verdict)], now=now or at(10))
    return answer.accepted[0] is True


async def reclaim(driver: Driver, *, now: datetime, max_crashes: int = 3, limit: int = 500) -> ReclaimAnswer:
    """Take back what is over."""
    request = ReclaimRequest(timedelta(seconds=120), max_crashes=max_crashes, limit=limit)
    return await driver.jobs.reclaim_expired(request, now=now)


async def stored(driver: Driver, job_id: str = "job") -> JobRecord:
    """The job as it is stored now."""
    record = await driver.insight.job(job_id)
    assert record is not None, f"{job_id!r} should be stored"
    return record


async def brought_to(driver: Driver, status: JobStatus, job_id: str = "job") -> JobRecord:
    """A new job that went by the ordinary way into this state."""
    event_of = {JobStatus.COMPLETED: JobEvent.COMPLETE, JobStatus.FAILED: JobEvent.FAIL}
    if status is JobStatus.EXPIRED:
        await submit(driver, new(job_id, due=at(-100), misfire_grace_seconds=5))
    else:
        await submit(driver, new(job_id))
    match status:
        case JobStatus.CANCELLED:
            await driver.jobs.request_cancel([job_id], now=NOON)
        case JobStatus.EXPIRED:
            await claim(driver, now=at(-90))  # nothing that is due later is seen by such an early claim
        case JobStatus.RUNNING:
            await claimed(driver, job_id=job_id)
        case JobStatus.COMPLETED | JobStatus.FAILED:
            await settle(driver, await claimed(driver, job_id=job_id), event_of[status])
    record = await stored(driver, job_id)
    assert record.status is status, f"{job_id!r} should be {status} and is {record.status}"
    return record


async def refusal(kind: type[E], call: Awaitable[object]) -> E:
    """The error of this kind that the call raises."""
    try:
        answer = await call
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} should have been raised; the answer was {answer!r}")


def but(record: JobRecord, **changes: Any) -> JobRecord:
    """The record that is expected: this one with a few fields changed."""
    return replace(record, **changes)
