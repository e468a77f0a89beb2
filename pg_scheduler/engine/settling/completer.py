"""Lets a function complete its job in its own transaction, and finds out whether that was committed."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

from pg_scheduler.domain.errors import (
    ConnectionLost,
    InvalidTransition,
    LeaseLost,
    TransientDatabaseError,
)
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.engine.running.attempt import Attempt, Completion
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.completions import Completions, TransactionOutcome

log: logging.Logger = logging.getLogger(__name__)

PAUSE = timedelta(seconds=0.05)
"""Between looks at a transaction that is still open though its function has returned, or at a store that is
away. Real time, whatever the clock says: it is somebody else's transaction."""
SLOWEST = timedelta(seconds=1)
"""The pauses grow to this."""

_MAY_STAND = (TransactionOutcome.COMMITTED, TransactionOutcome.OPEN)


class Completer:
    """Writes completions under the lease of their attempt.

    The completion is an ordinary verdict, settled on a borrowed connection. It counts if that
    connection commits. The engine is not notified of the commit, so it asks the store once the function has
    ended.
    """

    def __init__(self, *, completions: Completions, worker_id: str, clock: Clock, codec: Codec) -> None:
        self._completions = completions
        self._worker_id = worker_id
        self._clock = clock
        self._codec = codec

    async def complete(self, attempt: Attempt, connection: Any, result: Any) -> None:
        """Complete the attempt's job in the transaction that the connection has open; see
        `JobContext.complete_in`."""
        job = attempt.job
        verdict = Verdict(
            JobEvent.COMPLETE, result=self._codec.encode_result(result) if job.store_result else None
        )
        settlement = Settlement(job.job_id, job.epoch, self._worker_id, verdict)
        token = await self._completions.complete_in(settlement, connection, now=self._clock.pinned())
        if token is None:
            before = attempt.completion
            if before is not None and await self._completions.outcome_of(before.token) in _MAY_STAND:
                raise InvalidTransition(job.job_id, JobStatus.COMPLETED, JobStatus.COMPLETED)
            attempt.fenced_out = True
            raise LeaseLost(job.job_id, job.epoch)
        attempt.completion = Completion(verdict, token)

    async def ended(self, completion: Completion, attempt: Attempt) -> TransactionOutcome:
        """What has become of the function's completion of its job; waits while it has neither been committed
        nor rolled back."""
        pause = PAUSE
        while True:
            try:
                outcome = await self._completions.outcome_of(completion.token)
            except (ConnectionLost, TransientDatabaseError):
                log.warning(
                    "job %r: the store is unreachable; checking again whether it was completed",
                    attempt.job.job_id,
                    extra={"job_id": attempt.job.job_id},
                )
                outcome = TransactionOutcome.OPEN
            if outcome is not TransactionOutcome.OPEN:
                return outcome
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, SLOWEST)
