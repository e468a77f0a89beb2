"""Running due jobs in a test, without services, signals or waiting."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.scheduler import Scheduler

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


async def drain(scheduler: Scheduler) -> list[Drained]:
    """Run every job that is due now, and those that become due meanwhile; what was run, in the order it was
    settled. Jobs due later stay where they are: advance a `ManualClock` and drain again.

    For a scheduler that is not started. Its driver is opened, and its tables are made if need be.

    Raises:
        RuntimeError: the scheduler is running, or the jobs never come to an end.
    """
    if scheduler.is_running:
        raise RuntimeError("drain() is for a scheduler that is not started")
    await scheduler.initialize_db()
    drained: list[Drained] = []
    with scheduler.worker.settled_to(lambda job, verdict: drained.append(Drained(job, verdict))):
        while await scheduler.worker.claim_and_start():
            await scheduler.worker.finish_started()
            if len(drained) > MAX_ATTEMPTS:
                raise RuntimeError(f"more than {MAX_ATTEMPTS} attempts: do the jobs schedule each other?")
    return drained
