"""Brings verdicts to the store in batches, and does not lose one while the store is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, TransientDatabaseError
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.engine.active import ActiveAttempts
from pg_scheduler.engine.attempt import Attempt
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import JobStore

log = logging.getLogger("pg_scheduler.settler")

MAX_BATCH = 500
"""Verdicts per statement."""
REFUSALS_OF_ONE_ROW = ("22", "23", "44", "P0")
"""Classes of SQLSTATE about one row: data, constraints, WITH CHECK, an exception in a trigger. Others
(no rights, read-only, out of space) are about all of them, and may pass."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A verdict on its way."""

    attempt: Attempt
    verdict: Verdict
    took: timedelta


class Settler:
    """Writes what attempts ended with. Verdicts that pile up during one write share the next.

    `on_settled(attempt, verdict, took, accepted)` is called once each verdict has been answered.
    """

    def __init__(
        self,
        store: JobStore,
        worker_id: str,
        clock: Clock,
        active: ActiveAttempts,
        not_kept: frozenset[JobStatus],
        on_settled: Callable[[Attempt, Verdict, timedelta, bool], None],
    ) -> None:
        self._store = store
        self._worker_id = worker_id
        self._clock = clock
        self._active = active
        self._not_kept = not_kept
        self._on_settled = on_settled
        self._queue: list[Pending] = []
        self._writing = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, attempt: Attempt, verdict: Verdict) -> None:
        """Queue a verdict; a second one for an attempt that has one is dropped."""
        if attempt.decided:
            return
        attempt.decided = True
        took = timedelta(seconds=self._clock.monotonic() - attempt.started)
        self._queue.append(Pending(attempt, verdict, took))
        self._empty.clear()
        self._arrived.set()

    def stored_already(self, attempt: Attempt, verdict: Verdict) -> None:
        """The store has this verdict by another way: what follows a settlement follows now."""
        if attempt.decided:
            return
        attempt.decided = True
        took = timedelta(seconds=self._clock.monotonic() - attempt.started)
        self._answered(Pending(attempt, verdict, took), True)

    async def one_round(self) -> None:
        """Wait for verdicts and write one batch; what could not be written stays queued."""
        await self._arrived.wait()
        async with self._writing:
            await self._write_batch()

    async def flush(self) -> None:
        """Write everything queued now, without the service running."""
        async with self._writing:
            while self._queue:
                await self._write_batch()

    async def _write_batch(self) -> None:
        batch = self._queue[:MAX_BATCH]
        for pending, accepted in zip(batch, await self._write(batch), strict=True):
            self._answered(pending, accepted)
        del self._queue[: len(batch)]
        if not self._queue:
            self._arrived.clear()
            self._empty.set()

    @property
    def empty(self) -> bool:
        """True if every verdict has been answered."""
        return not self._queue

    async def wait_empty(self) -> None:
        """Return when every verdict has been answered."""
        await self._empty.wait()

    async def _write(self, batch: Sequence[Pending]) -> Sequence[bool | None]:
        try:
            return await self._settle([pending.verdict for pending in batch], batch)
        except (ConnectionLost, TransientDatabaseError):
            raise
        except (DatabaseError, ValueError, TypeError):  # the last two: a library refused to send it
            if len(batch) > 1:
                # One verdict that the store refuses must not hold up the others.
                return [(await self._write([pending]))[0] for pending in batch]
            log.exception("verdict refused", extra={"job_id": batch[0].attempt.job.job_id})
            return [await self._settle_plainly(batch[0])]

    async def _settle_plainly(self, pending: Pending) -> bool | None:
        """Without the details. A row that takes no verdict at all (a constraint or trigger of somebody's own)
        is left to its lease: it must not hold up the verdicts behind it."""
        try:
            return (await self._settle([_plain(pending.verdict)], [pending]))[0]
        except DatabaseError as error:
            if not (error.sqlstate or "").startswith(REFUSALS_OF_ONE_ROW):
                raise
            log.error(
                "the row takes no verdict; the job is left to its lease",
                extra={"job_id": pending.attempt.job.job_id, "error": str(error)},
            )
            return None

    async def _settle(self, verdicts: list[Verdict], batch: Sequence[Pending]) -> list[bool]:
        settlements = [
            Settlement(pending.attempt.job.job_id, pending.attempt.job.epoch, self._worker_id, verdict)
            for pending, verdict in zip(batch, verdicts, strict=True)
        ]
        return await self._store.settle(settlements, now=self._clock.pinned(), not_kept=self._not_kept)

    def _answered(self, pending: Pending, accepted: bool | None) -> None:
        job = pending.attempt.job
        self._active.settled(pending.attempt.lease)
        if accepted is False and pending.verdict.event is not JobEvent.RELEASE:
            log.warning(
                "verdict came after the lease was lost; the job is somebody else's now",
                extra={"job_id": job.job_id, "epoch": job.epoch, "event": pending.verdict.event},
            )
        self._on_settled(pending.attempt, pending.verdict, pending.took, bool(accepted))
        pending.attempt.note_settled()


def _plain(verdict: Verdict) -> Verdict:
    """The verdict without the details that the store would not take: the job ends all the same."""
    event = JobEvent.FAIL if verdict.delay is not None else verdict.event
    return Verdict(event, error_message="the outcome's details could not be stored")
