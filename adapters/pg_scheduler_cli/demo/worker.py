"""A worker process of the demo: runs jobs and reports events."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.demo import tasks
from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.demo.lifeline import while_wanted

WORDS = {
    JobEvent.COMPLETE: "completed",
    JobEvent.RETRY: "will retry",
    JobEvent.FAIL: "failed",
    JobEvent.CONFIRM_CANCEL: "cancelled",
    JobEvent.RELEASE: "released",
    JobEvent.SNOOZE: "snoozed",
}


class DemoScheduler(Scheduler):
    """A scheduler with a short lease, so that a viewer sees a killed worker's job being recovered."""

    LEASE_DURATION: ClassVar[float] = 3


class Teller(logging.Handler):
    """Reports what the engine does: as an observer of attempts, and as a log handler for recoveries."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._who = name

    def job_started(self, job: ClaimedJob) -> None:
        """An attempt starts."""
        late = datetime.now(UTC) - job.execution_time
        which = f"attempt {job.attempt}, " if job.attempt > 1 else ""
        note = f"{which}{late.total_seconds() * 1000:.1f} ms after its time"
        Event(self._who, "started", job.job_id, note, job.task_name).tell()

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        """An attempt ended."""
        what = WORDS.get(verdict.event, str(verdict.event)) if accepted else "too late"
        after = f"after {took.total_seconds() * 1000:.0f} ms"
        if verdict.error_message and verdict.event in (JobEvent.RETRY, JobEvent.FAIL):
            after = verdict.error_message.splitlines()[0]
        if verdict.delay is not None:
            after += f"; again in {verdict.delay.total_seconds():g} s"
        Event(self._who, what, job.job_id, after, job.task_name).tell()

    def pass_finished(self, service: str) -> None:
        """Not reported."""

    def emit(self, record: logging.LogRecord) -> None:
        """A job was reclaimed from a worker that went silent."""
        job, lost_by = getattr(record, "job_id", None), getattr(record, "lost_by", None)
        if job is not None and lost_by is not None:
            Event(self._who, "recovered", job, f"its worker {lost_by} went silent").tell()


def _keep_quiet_but_for(printer: Teller) -> None:
    logging.getLogger("pg_scheduler").setLevel(logging.ERROR)
    recoveries = logging.getLogger("pg_scheduler.engine.leases.reclaimer")
    recoveries.setLevel(logging.WARNING)
    recoveries.propagate = False
    recoveries.addHandler(printer)


async def work(dsn: str, name: str) -> None:
    """Run jobs until cancelled."""
    printer = Teller(name)
    _keep_quiet_but_for(printer)
    # Four slots each: few enough that sixteen calls at one instant have to wait for their turn.
    scheduler = DemoScheduler(dsn, max_concurrent_jobs=4, observers=[printer])
    for func in tasks.ALL:
        scheduler.register(func)
    await scheduler.start()
    Event(name, "ready", scheduler.worker_id, f"pid {os.getpid()}").tell()
    try:
        await asyncio.Event().wait()
    finally:
        await scheduler.shutdown(timeout=1)


if __name__ == "__main__":
    asyncio.run(while_wanted(work(*sys.argv[1:3])))
