"""Runs that must be alone in the cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pg_scheduler.domain.errors import AttemptSignal, Snooze
from pg_scheduler.engine.attempt import Attempt, StopReason
from pg_scheduler.ports.schedule_store import Locks

LOOK_AGAIN = timedelta(seconds=1)
"""How soon a run that waits for its lock is tried again; meanwhile it holds no slot."""


class LockHeldElsewhere(AttemptSignal):
    """The run is left out, because another holds its lock and the schedule says skip."""


@asynccontextmanager
async def alone(locks: Locks, attempt: Attempt) -> AsyncIterator[None]:
    """Within this block the attempt holds its job's lock, if the job has one. Should the lock's connection
    break, the attempt is stopped: it would no longer be alone.

    Raises:
        Snooze: somebody else holds the lock, and the job waits for it.
        LockHeldElsewhere: somebody else holds it, and the job does not.
    """
    key = attempt.job.exclusive_key
    if key is None:
        yield
        return
    async with locks.exclusive(key, lambda: attempt.stop(StopReason.LOCK_LOST)) as held:
        if not held and attempt.job.exclusive_wait:
            raise Snooze(LOOK_AGAIN)
        if not held:
            raise LockHeldElsewhere(f"left out: another run of {key!r} holds its lock")
        yield
