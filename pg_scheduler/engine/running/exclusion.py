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
"""How soon a run that waits for its lock is tried again; meanwhile it holds no slot."""


class LockHeldElsewhere(AttemptSignal):
    """The run is skipped, because another one holds its lock and the schedule says "skip"."""


@asynccontextmanager
async def alone(locks: Locks, key: str, attempt: Attempt) -> AsyncIterator[None]:
    """Within this block the attempt holds the lock of this name. Should the lock's connection break, the
    attempt is stopped: it would no longer be alone.

    Raises:
        Snooze: the job waits for its lock: somebody else holds it, or the store cannot say who does.
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
            raise Snooze(LOOK_AGAIN) from error
        if not held and attempt.job.exclusive_wait:
            raise Snooze(LOOK_AGAIN)
        if not held:
            raise LockHeldElsewhere(f"left out: another run of {key!r} holds its lock")
        yield
