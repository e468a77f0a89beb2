"""Writes verdicts to the store in batches, and keeps them while the store is unavailable."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, TransientDatabaseError
from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.settling import stored_already
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import COMPLETED, Settlement, Verdict
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.settling.lost_answers import id_was_reused, settled_before
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.job_store import JobStore

log: logging.Logger = logging.getLogger(__name__)

MAX_BATCH = 500
"""Verdicts per statement."""
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 1.0
"""Seconds, doubled from time to time, until rows are tried again that somebody's transaction holds."""
TELLING = 8
"""After so many tries, some two seconds, the log tells of it."""


class Answer(Enum):
    """What became of a verdict that was sent."""

    ACCEPTED = auto()
    REFUSED = auto()
    """The lease is lost."""
    GIVEN_UP = auto()
    """The store takes it in no form."""
    HELD_UP = auto()
    """Somebody's open transaction holds the row."""


_ANSWERS = {True: Answer.ACCEPTED, False: Answer.REFUSED, None: Answer.HELD_UP}


class Settler:
    """Writes the verdicts of attempts. Those that arrive during one write share the next.

    While they cannot be written, the worker claims no more jobs, so it keeps at most one verdict per slot.

    `on_settled(attempt, accepted)` is called once each verdict has been answered, `on_completed` instead for
    all of a write that simply completed, and `on_deleted` with how many jobs of each status were deleted as
    they ended.
    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        insight: Insight,
        worker_id: str,
        clock: Clock,
        active: ActiveAttempts,
        not_kept: frozenset[JobStatus],
        on_settled: Callable[[Attempt, bool], None],
        on_completed: Callable[[Sequence[Attempt]], None],
        on_deleted: Callable[[Mapping[JobStatus, int]], None],
    ) -> None:
        self._jobs = jobs
        self._insight = insight
        self._worker_id = worker_id
        self._clock = clock
        self._active = active
        self._not_kept = not_kept
        self._on_settled = on_settled
        self._on_completed = on_completed
        self._on_deleted = on_deleted
        self._queue: list[Attempt] = []
        self._in_doubt: set[Lease] = set()
        """Verdicts that may be stored already: sent once, and the answer was lost."""
        self._held_up = 0
        """How many writes in a row have settled nothing, because all their rows were held."""
        self._writing = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, attempt: Attempt, verdict: Verdict) -> None:
        """Queue a verdict; a second one for an attempt that has one is dropped."""
        if attempt.decide(verdict, self._clock.monotonic()):
            self._queue.append(attempt)
            self._empty.clear()
            self._arrived.set()

    def stored_already(self, attempt: Attempt, verdict: Verdict) -> None:
        """The store has this verdict by another way: what follows a settlement follows now."""
        if attempt.decide(verdict, self._clock.monotonic()):
            self._answered(attempt, Answer.ACCEPTED)

    async def one_round(self) -> None:
        """Wait for verdicts and write one batch; what could not be written stays queued."""
        await self._arrived.wait()
        async with self._writing:
            await self._write_batch()
        if self._held_up:
            self._arrived.clear()  # the next verdict ends the pause
            await wait_at_most(self._arrived, self._pause(), self._clock)
            self._arrived.set()

    async def flush(self) -> None:
        """Write everything queued now, without the service running."""
        async with self._writing:
            while self._queue:
                await self._write_batch()
                if self._held_up:
                    await self._clock.sleep(self._pause())

    def _pause(self) -> float:
        """Seconds until rows that somebody holds are tried again."""
        return min(FIRST_PAUSE * 2.0 ** min(self._held_up, 10), LONGEST_PAUSE) * random.uniform(0.5, 1.0)

    async def _write_batch(self) -> None:
        batch = self._queue[:MAX_BATCH]
        with self._active.pausing_claims_on_failure():
            gone = await self._gone(batch) if self._in_doubt else set()
            remaining = [attempt for attempt in batch if attempt.lease not in gone] if gone else batch
            answers = await self._write(remaining) if remaining else ()
        held_up, completed = [], []
        for attempt, answer in zip(remaining, answers, strict=True):
            if answer is Answer.ACCEPTED and attempt.verdict is COMPLETED:
                completed.append(attempt)
            elif answer is Answer.HELD_UP:
                held_up.append(attempt)
            else:
                self._answered(attempt, answer)
        if completed:
            self._completed(completed)
        for attempt in batch if gone else ():
            if attempt.lease in gone:
                self._answered(attempt, _ANSWERS[self._deleted_by(attempt)])
        del self._queue[: len(batch)]
        self._queue += held_up
        self._note_held_up(held_up, len(batch))
        if not self._queue:
            self._arrived.clear()
            self._empty.set()

    def _note_held_up(self, held_up: Sequence[Attempt], of: int) -> None:
        self._held_up = self._held_up + 1 if len(held_up) == of > 0 else 0
        if self._held_up == TELLING:
            log.warning(
                "verdicts on %d jobs wait: another open transaction holds the jobs' rows",
                len(held_up),
                extra={"job_ids": [attempt.job.job_id for attempt in held_up]},
            )

    async def _gone(self, batch: Sequence[Attempt]) -> set[Lease]:
        """Of the verdicts whose answer was lost, those whose job is another one by now."""
        doubtful = [attempt.job for attempt in batch if attempt.lease in self._in_doubt]
        return await id_was_reused(self._insight, doubtful)

    def _deleted_by(self, attempt: Attempt) -> bool:
        """Whether a job that is gone may well have been ended, and so deleted, by this verdict."""
        settlement = Settlement(*attempt.lease, self._worker_id, attempt.verdict)
        return stored_already(settlement, None, (), self._not_kept)

    @property
    def empty(self) -> bool:
        """True if every verdict has been answered."""
        return not self._queue

    async def wait_empty(self) -> None:
        """Return when every verdict has been answered."""
        await self._empty.wait()

    async def _write(self, batch: Sequence[Attempt]) -> Sequence[Answer]:
        try:
            return await self._settle([attempt.verdict for attempt in batch], batch)
        except (ConnectionLost, TransientDatabaseError):
            raise
        except (DatabaseError, ValueError, TypeError):  # the last two: a library refused to send it
            if len(batch) > 1:
                # One verdict that the store refuses must not hold up the others.
                return [(await self._write([attempt]))[0] for attempt in batch]
            job_id = batch[0].job.job_id
            log.exception("verdict refused for job %r", job_id, extra={"job_id": job_id})
            return [await self._settle_plainly(batch[0])]

    async def _settle_plainly(self, attempt: Attempt) -> Answer:
        """Without the details. A row that takes no verdict at all (a constraint or trigger of somebody's own)
        is left to its lease: it must not hold up the verdicts behind it."""
        try:
            return (await self._settle([_plain(attempt.verdict)], [attempt]))[0]
        except (ConnectionLost, TransientDatabaseError):
            raise
        except (DatabaseError, ValueError, TypeError):
            log.exception(
                "job %r: its verdict cannot be stored in any form; it is recovered when its lease expires",
                attempt.job.job_id,
                extra={"job_id": attempt.job.job_id, "event": attempt.verdict.event},
            )
            return Answer.GIVEN_UP

    async def _settle(self, verdicts: list[Verdict], batch: Sequence[Attempt]) -> list[Answer]:
        settlements = [
            Settlement(*attempt.lease, self._worker_id, verdict)
            for attempt, verdict in zip(batch, verdicts, strict=True)
        ]
        try:
            answer = await self._jobs.settle(settlements, now=self._clock.pinned(), not_kept=self._not_kept)
            if answer.deleted:
                self._on_deleted(answer.deleted)
            return [_ANSWERS[one] for one in await self._without_doubt(settlements, answer.accepted)]
        except BaseException:
            self._in_doubt.update(attempt.lease for attempt in batch)
            raise

    async def _without_doubt(
        self, settlements: list[Settlement], accepted: Sequence[bool | None]
    ) -> Sequence[bool | None]:
        """The answers, with those that are refused only because they had been accepted before set right."""
        if not self._in_doubt:
            return accepted
        doubtful = [
            position
            for position, settlement in enumerate(settlements)
            if accepted[position] is False and Lease(settlement.job_id, settlement.epoch) in self._in_doubt
        ]
        if not doubtful:
            return accepted
        lost = await settled_before(
            self._insight, [settlements[position] for position in doubtful], self._not_kept
        )
        self._on_deleted(lost.deleted)
        before = {position for position, yes in zip(doubtful, lost.accepted, strict=True) if yes}
        return [position in before or yes for position, yes in enumerate(accepted)]

    def _completed(self, attempts: Sequence[Attempt]) -> None:
        """As `_answered`, for many that simply completed."""
        leases = [attempt.lease for attempt in attempts]
        self._active.settled(leases)
        self._in_doubt.difference_update(leases)
        self._on_completed(attempts)
        for attempt in attempts:
            attempt.note_settled()

    def _answered(self, attempt: Attempt, answer: Answer) -> None:
        job = attempt.job
        self._active.settled([attempt.lease])
        if self._in_doubt:
            self._in_doubt.discard(attempt.lease)
        if answer is Answer.REFUSED and attempt.verdict.event is not JobEvent.RELEASE:
            log.warning(
                "job %r: the verdict came after the lease was lost; another attempt owns the job now",
                job.job_id,
                extra={"job_id": job.job_id, "epoch": job.epoch, "event": attempt.verdict.event},
            )
        self._on_settled(attempt, answer is Answer.ACCEPTED)
        attempt.note_settled()


def _plain(verdict: Verdict) -> Verdict:
    """The verdict without the details that the store would not take: the job ends all the same."""
    event = JobEvent.FAIL if verdict.delay is not None else verdict.event
    return Verdict(event, error_message="the outcome's details could not be stored")
