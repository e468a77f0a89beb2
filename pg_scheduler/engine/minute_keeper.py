"""Counts what this worker does, and adds it to the store every few seconds."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.minutes import (
    FLUSH_SECONDS,
    MOST_NAMES,
    OTHERS,
    Tally,
    Work,
    bounds_of,
    bucket_of,
    due_bounds_of,
)
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import COMPLETED, Verdict
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.minutes import MinuteStore
from pg_scheduler.ports.worker_events import JobsStarted

log: logging.Logger = logging.getLogger(__name__)

_COUNTED_AS = {
    JobEvent.COMPLETE: "completed",
    JobEvent.FAIL: "failed",
    JobEvent.EXHAUST_CRASHES: "failed",
    JobEvent.RETRY: "retried",
    JobEvent.CONFIRM_CANCEL: "cancelled",
}


_NOBODY = Tally()
"""Before the first job of a batch: it counts nothing."""


class MinuteKeeper:
    """Counts in memory, and is a service that writes. A write that fails is repeated with what
    was counted meanwhile; with the process what has not been written is lost."""

    def __init__(self, *, store: MinuteStore, worker_id: str, clock: Clock) -> None:
        self._store = store
        self._worker_id = worker_id
        self._clock = clock
        self._work: dict[Work, Tally] = {}

    def note_started(self, event: JobsStarted) -> None:
        """Count attempts that have begun, and how long after they were due."""
        queue, name, tally = None, None, _NOBODY
        at = after = until = event.at
        bucket = 0
        for job in event.jobs:
            if job.task_name != name or job.queue != queue:
                queue, name = job.queue, job.task_name
                tally = self._of((queue, name))
            due = job.execution_time
            # What was stored together waited for about as long, so most are in the bucket of the one before.
            if not after < due <= until:
                bucket = bucket_of((at - due).total_seconds())
                after, until = due_bounds_of(bucket, at)
            tally.started += 1
            tally.waits[bucket] += 1

    def note_settled(self, attempts: Sequence[Attempt]) -> None:
        """Count verdicts, and how long their attempts took."""
        queue, name, tally = None, None, _NOBODY
        bucket, least, below = 0, 0.0, 0.0
        for attempt in attempts:
            job = attempt.job
            if job.task_name != name or job.queue != queue:
                queue, name = job.queue, job.task_name
                tally = self._of((queue, name))
            if attempt.verdict is COMPLETED:
                tally.completed += 1
            else:
                _count(tally, attempt.verdict)
            if attempt.began:
                took = attempt.took
                if not least <= took < below:
                    bucket = bucket_of(took)
                    least, below = bounds_of(bucket)
                tally.runs[bucket] += 1

    def note_ended(self, job: ClaimedJob, verdict: Verdict) -> None:
        """Count a job that ended because its worker stopped responding."""
        _count(self._of((job.queue, job.task_name)), verdict)

    def _of(self, work: Work) -> Tally:
        tally = self._work.get(work)
        if tally is None:
            if len(self._work) >= MOST_NAMES:
                work = OTHERS
            tally = self._work.setdefault(work, Tally())
        return tally

    async def one_round(self) -> None:
        """Count for a while, then write."""
        await self._clock.sleep(FLUSH_SECONDS)
        try:
            await self.flush()
        except DatabaseError as error:  # nothing depends on it, and it is tried again soon enough
            log.info("figures of this worker wait to be written: %s", error, extra={"error": str(error)})

    async def flush(self) -> None:
        """Write what has been counted."""
        work, self._work = self._work, {}
        if not work:
            return
        try:
            await self._store.note(self._worker_id, work, now=self._clock.pinned())
        except BaseException:
            for what, tally in work.items():
                self._work.setdefault(what, Tally()).add(tally)
            raise

    async def flush_at_the_end(self) -> None:
        """Write what has been counted, if the store takes it: nobody waits for it."""
        try:
            await self.flush()
        except DatabaseError as error:
            log.info("the last figures of this worker are lost: %s", error, extra={"error": str(error)})


def _count(tally: Tally, verdict: Verdict) -> None:
    counted_as = _COUNTED_AS.get(verdict.event)
    if counted_as is not None:
        setattr(tally, counted_as, getattr(tally, counted_as) + 1)
