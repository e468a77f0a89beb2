"""Counts what this worker does, and adds it to the store every few seconds."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.minutes import (
    BUCKETS,
    FLUSH_SECONDS,
    MOST_NAMES,
    OTHERS,
    Tally,
    Work,
    bucket_of,
)
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.minutes import MinuteStore
from pg_scheduler.ports.worker_events import AttemptsSettled, Ended, JobsStarted, WorkerEvent

log: logging.Logger = logging.getLogger(__name__)

_COUNTED_AS = {
    JobEvent.COMPLETE: "completed",
    JobEvent.FAIL: "failed",
    JobEvent.EXHAUST_CRASHES: "failed",
    JobEvent.RETRY: "retried",
    JobEvent.CONFIRM_CANCEL: "cancelled",
}


class MinuteKeeper:
    """An observer that counts in memory, and a service that writes. A write that fails is repeated with what
    was counted meanwhile; with the process what has not been written is lost."""

    def __init__(self, *, store: MinuteStore, worker_id: str, clock: Clock) -> None:
        self._store = store
        self._worker_id = worker_id
        self._clock = clock
        self._work: dict[Work, Tally] = {}

    def observe(self, event: WorkerEvent) -> None:
        """Count."""
        if type(event) is AttemptsSettled:
            self._note_settled(event.attempts)
        elif type(event) is JobsStarted:
            self._note_started(event)

    def _of(self, job: ClaimedJob) -> Tally:
        what = (job.queue, job.task_name)
        tally = self._work.get(what)
        if tally is None:
            if len(self._work) >= MOST_NAMES:
                what = OTHERS
            tally = self._work.setdefault(what, Tally())
        return tally

    def _note_started(self, event: JobsStarted) -> None:
        at, most = event.at, BUCKETS - 1
        for job in event.jobs:
            tally = self._of(job)
            tally.started += 1
            # As `bucket_of`, for each job.
            waited = int((at - job.execution_time).total_seconds() * 1000.0)
            tally.waits[min(waited.bit_length(), most) if waited > 0 else 0] += 1

    def _note_settled(self, attempts: Sequence[Ended]) -> None:
        for job, verdict, took, accepted, began in attempts:
            if not accepted:
                continue
            tally = self._of(job)
            event = verdict.event
            if event is JobEvent.COMPLETE:
                tally.completed += 1
            elif (counted_as := _COUNTED_AS.get(event)) is not None:
                setattr(tally, counted_as, getattr(tally, counted_as) + 1)
            if began:
                tally.runs[bucket_of(took)] += 1

    async def one_round(self) -> None:
        """Count for a while, then write."""
        await self._clock.sleep(FLUSH_SECONDS)
        await self.flush()

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
