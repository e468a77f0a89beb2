"""Runs of a schedule that must not overlap with another in the cluster."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from pg_scheduler.domain.errors import AttemptSignal, DatabaseError, Snooze
from pg_scheduler.engine.running.attempt import Attempt, StopReason
from pg_scheduler.ports.locks import Locks

log: logging.Logger = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(seconds=1)
"""How soon a run that waits for its lock is tried again at first; meanwhile it holds no slot."""
LOOK_AGAIN_AT_MOST = timedelta(seconds=10)
"""How soon it is tried again at last: each time takes half as long again."""
MOST_REMEMBERED = 10_000
"""Runs whose pauses a worker remembers."""


class AwaitsLock(Snooze):
    """The run has not begun: it waits for its lock. No attempt that the history tells of."""


class LockPauses:
    """How long each run that waits for its lock rests before it looks again."""

    def __init__(self) -> None:
        self._pauses: dict[str, timedelta] = {}

    def next_of(self, job_id: str) -> timedelta:
        """The next pause of this run: half as long again as its last."""
        before = self._pauses.pop(job_id, None)
        pause = LOOK_AGAIN if before is None else min(before * 1.5, max(LOOK_AGAIN_AT_MOST, LOOK_AGAIN))
        self._pauses[job_id] = pause
        if len(self._pauses) > MOST_REMEMBERED:
            del self._pauses[next(iter(self._pauses))]
        return pause

    def end_of(self, job_id: str) -> None:
        """It waits no longer."""
        self._pauses.pop(job_id, None)


class LockHeldElsewhere(AttemptSignal):
    """The run is skipped, because another one holds its lock and the schedule says "skip"."""


@asynccontextmanager
async def alone(locks: Locks, key: str, attempt: Attempt, pauses: LockPauses) -> AsyncIterator[None]:
    """Within this block the attempt holds the lock of this name. Should the lock's connection break, the
    attempt is stopped: it would no longer be alone.

    Raises:
        AwaitsLock: the job waits for its lock: somebody else holds it, or the store cannot say who does.
        LockHeldElsewhere: somebody else holds it, and the job does not wait.
    """
    async with AsyncExitStack() as stack:
        lock = locks.exclusive(key, lambda: attempt.stop(StopReason.LOCK_LOST))
        try:
            held = await stack.enter_async_context(lock)
        except DatabaseError as error:
            # No fault of the job, which has not begun: it must not cost a retry.
            log.warning(
                "job %r: its lock could not be requested; trying again: %s",
                attempt.job.job_id,
                error,
                extra={"job_id": attempt.job.job_id, "error": str(error)},
            )
            raise AwaitsLock(pauses.next_of(attempt.job.job_id)) from error
        if not held and attempt.job.exclusive_wait:
            raise AwaitsLock(pauses.next_of(attempt.job.job_id))
        pauses.end_of(attempt.job.job_id)
        if not held:
            raise LockHeldElsewhere(f"left out: another run of {key!r} holds its lock")
        yield
