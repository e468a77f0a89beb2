"""Running due jobs in a test, without services, signals or waiting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.entrypoints.application import App
from pg_scheduler.scheduler import Scheduler
from pg_scheduler.testing.clock import ManualClock

MAX_ATTEMPTS = 10_000
"""More than any test means to run: jobs that schedule each other for ever end the drain with an error."""


@dataclass(frozen=True, slots=True)
class Drained:
    """One attempt that a drain ran."""

    job: ClaimedJob
    verdict: Verdict

    @property
    def completed(self) -> bool:
        """True if the attempt completed its job."""
        return self.verdict.event is JobEvent.COMPLETE


async def drain(app: Scheduler | App) -> list[Drained]:
    """Run every job that is due now, and those that become due meanwhile; what was run, in the order it was
    settled. Jobs due later stay where they are: advance a `ManualClock` and drain again.

    For a scheduler, or an application such as a `PgQueuer`, that is not started. Its driver is opened, and
    its tables are made if need be.

    Raises:
        RuntimeError: it is running, or the jobs never come to an end.
    """
    scheduler = _scheduler_of(app)
    if scheduler.is_running:
        raise RuntimeError("drain() is for a scheduler that is not started")
    await scheduler.initialize_db()
    await scheduler.register_schedules()
    await scheduler.worker.services.schedule_keeper.keep()
    await scheduler.worker.services.zone_review.review()
    drained: list[Drained] = []
    with scheduler.worker.services.observers.recording(
        lambda job, verdict: drained.append(Drained(job, verdict))
    ):
        while await _stage(scheduler) + await scheduler.worker.steps.claim_and_start():
            await scheduler.worker.steps.finish_started()
            if len(drained) > MAX_ATTEMPTS:
                raise RuntimeError(f"more than {MAX_ATTEMPTS} attempts: do the jobs schedule each other?")
    return drained


def _scheduler_of(app: Scheduler | App) -> Scheduler:
    return app if isinstance(app, Scheduler) else app.scheduler


async def _stage(scheduler: Scheduler) -> int:
    """Turn due windows of schedules into jobs."""
    staged, _ = await scheduler.worker.services.stager.stage_once()
    return staged


async def live_through(app: Scheduler | App, clock: ManualClock, duration: timedelta) -> list[Drained]:
    """Let `duration` pass on the clock and run every job and every window at its own instant; all attempts,
    in order. A month of hourly windows takes well under a second over the memory driver."""
    scheduler, end = _scheduler_of(app), clock.now() + duration
    lived = await drain(scheduler)
    while (step := await _next_instant(scheduler)) is not None and clock.now() + step <= end:
        await clock.advance(step)
        lived += await drain(scheduler)
    await clock.advance_to(end)
    return lived


async def _next_instant(scheduler: Scheduler) -> timedelta | None:
    """Time until the next window or the next pending job; None if there is neither."""
    _, next_window_in = await scheduler.worker.services.stager.stage_once()
    next_due_in = await scheduler.worker.steps.next_due_in()
    return min((one for one in (next_window_in, next_due_in) if one is not None), default=None)
