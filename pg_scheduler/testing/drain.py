"""Running due jobs in a test, without services, signals or waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from pg_scheduler.domain.errors import JobFailed
from pg_scheduler.domain.model import ClaimedJob, Lease
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.ports.insight import Waiting
from pg_scheduler.scheduler import Scheduler
from pg_scheduler.testing import left_behind
from pg_scheduler.testing.applications import Application, schedulers_of
from pg_scheduler.testing.clock import ManualClock

MAX_ATTEMPTS = 10_000
"""More than any test means to run: jobs that schedule each other for ever end the drain with an error."""


@dataclass(frozen=True, slots=True)
class Drained:
    """One attempt that a drain ran."""

    job: ClaimedJob
    verdict: Verdict
    error: BaseException | None = field(default=None, compare=False)
    """What its function raised, if it did."""

    @property
    def completed(self) -> bool:
        """True if the attempt completed its job."""
        return self.verdict.event is JobEvent.COMPLETE


async def drain(app: Application, *, raise_errors: bool = False) -> list[Drained]:
    """Run every job that is due now, and those that become due meanwhile; what was run, in the order it was
    settled. Jobs due later stay where they are: advance a `ManualClock` and drain again.

    Args:
        app: a scheduler, or an application such as a `PgQueuer`, that is not started; or a client, such as
            `Queries` or `SyncQueries`: then whatever was made over the same driver runs the jobs. Its driver
            is opened, and its tables are made if need be.
        raise_errors: once all have run, raise what an attempt raised; what several raised as an
            ``ExceptionGroup``. By default the errors are in the list alone.

    Raises:
        RuntimeError: it is running, or the jobs never come to an end.
        InvalidInput: there is nothing that could run a job.

    Warns:
        LeftBehind: due jobs are of tasks that nobody here knows.
    """
    schedulers = schedulers_of(app)
    if any(scheduler.is_running for scheduler in schedulers):
        raise RuntimeError("drain() is for a scheduler that is not started")
    for scheduler in schedulers:
        await _prepare(scheduler)
    drained: list[Drained] = []
    with _Recording(schedulers, drained):
        # Not `any`: each of them gets its turn.
        while sum([await _round(scheduler) for scheduler in schedulers]):
            if len(drained) > MAX_ATTEMPTS:
                raise RuntimeError(f"more than {MAX_ATTEMPTS} attempts: do the jobs schedule each other?")
    if unknown := await _unknown(schedulers):
        left_behind.warn(left_behind.of_unknown_tasks(unknown))
    if raise_errors:
        _raise(drained)
    return drained


def drain_sync(app: Application, *, raise_errors: bool = False) -> list[Drained]:
    """As `drain`, for tests without an event loop: what it opens is closed again.

    Raises:
        RuntimeError: an event loop runs here; also as `drain`.
    """

    async def whole() -> list[Drained]:
        try:
            return await drain(app, raise_errors=raise_errors)
        finally:
            for scheduler in schedulers_of(app):
                await scheduler.shutdown()

    return asyncio.run(whole())


async def _prepare(scheduler: Scheduler) -> None:
    await scheduler.initialize_db()
    await scheduler.load_task_functions()
    await scheduler.register_schedules()
    await scheduler.worker.services.schedule_keeper.keep()
    await scheduler.worker.services.zone_review.review()


async def _round(scheduler: Scheduler) -> int:
    """Stage, claim and run once; how much there was to do."""
    found = await _stage(scheduler) + await scheduler.worker.steps.claim_and_start()
    if found:
        await scheduler.worker.steps.finish_started()
    return found


class _Recording(ExitStack):
    """Within this block, what schedulers run is noted in a list."""

    def __init__(self, schedulers: Sequence[Scheduler], drained: list[Drained]) -> None:
        super().__init__()
        self._schedulers = schedulers
        self._drained = drained
        self._errors: dict[Lease, BaseException] = {}

    def __enter__(self) -> _Recording:
        super().__enter__()
        for scheduler in self._schedulers:
            services = scheduler.worker.services
            services.runner.on_raised = self._errors.__setitem__
            self.callback(setattr, services.runner, "on_raised", None)
            self.enter_context(services.observers.recording(self._note))
        return self

    def _note(self, job: ClaimedJob, verdict: Verdict) -> None:
        self._drained.append(Drained(job, verdict, self._errors.pop(job.lease, None)))


async def _unknown(schedulers: Sequence[Scheduler]) -> list[Waiting]:
    """Due jobs of tasks that none of them knows."""
    reports = [await one.worker.services.unknown_tasks.report() for one in schedulers]
    names = set.intersection(*({one.task_name for one in report} for report in reports))
    return [one for one in reports[0] if one.task_name in names]


def _raise(drained: Sequence[Drained]) -> None:
    errors = [
        _error_of(one) for one in drained if one.error is not None or one.verdict.event is JobEvent.FAIL
    ]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup(f"{len(errors)} of {len(drained)} attempts failed", errors)


def _error_of(drained: Drained) -> BaseException:
    """What the attempt raised, with a note of whose it is."""
    job, verdict = drained.job, drained.verdict
    error = drained.error
    if error is None:
        error = JobFailed(job.job_id, "failed", verdict.error_message, verdict.traceback)
    error.add_note(f"raised by job {job.job_id!r} of task {job.task_name!r}, attempt {job.attempt}")
    return error


async def _stage(scheduler: Scheduler) -> int:
    """Turn due windows of schedules into jobs."""
    staged, _ = await scheduler.worker.services.stager.stage_once()
    return staged


async def live_through(
    app: Application, clock: ManualClock, duration: timedelta, *, raise_errors: bool = False
) -> list[Drained]:
    """Let `duration` pass on the clock and run every job and every window at its own instant; all attempts,
    in order. A month of hourly windows takes well under a second over the memory driver."""
    schedulers, end = schedulers_of(app), clock.now() + duration
    lived = await drain(app, raise_errors=raise_errors)
    while (step := await _next_instant(schedulers)) is not None and clock.now() + step <= end:
        await clock.advance(step)
        lived += await drain(app, raise_errors=raise_errors)
    await clock.advance_to(end)
    return lived


async def _next_instant(schedulers: Sequence[Scheduler]) -> timedelta | None:
    """Time until the next window or the next pending job; None if there is neither."""
    found: list[timedelta | None] = []
    for scheduler in schedulers:
        _, next_window_in = await scheduler.worker.services.stager.stage_once()
        found += [next_window_in, await scheduler.worker.steps.next_due_in()]
    return min((one for one in found if one is not None), default=None)
