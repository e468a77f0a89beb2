"""What the domain has decided, as parameters of the statements that meet the rows; see decision 20.

What a verdict does is in `settling.arrays_of`.
"""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.failures import LOST_WORKER
from pg_scheduler.domain.lost_lease import LOST_LEASE_MESSAGE, UNKNOWN_WORKER, lost_lease
from pg_scheduler.domain.misfire import EXPIRED_MESSAGE, START_TOLERANCE
from pg_scheduler.domain.settling import LOST
from pg_scheduler.domain.states import JobEvent, JobStatus, target_of

MISFIRE: dict[str, Any] = {
    "start_tolerance": START_TOLERANCE.total_seconds(),
    "expired_status": str(target_of(JobStatus.PENDING, JobEvent.EXPIRE)),
    "expired_message": EXPIRED_MESSAGE,
}
"""For the claims: when a job is too late to start, and what becomes of it."""

CANCELLATION: dict[str, Any] = {
    "target_if_pending": str(target_of(JobStatus.PENDING, JobEvent.CANCEL)),
    "target_if_running": str(target_of(JobStatus.RUNNING, JobEvent.CANCEL)),
}
"""For `request_cancel`: what becomes of a job."""

_LOST_LEASE_FORMAT = LOST_LEASE_MESSAGE.format(worker_id="%1$s", crash_count="%2$s", max_crashes="%3$s")


def loss_of(max_crashes: int) -> dict[str, Any]:
    """For `reclaim_expired`: what becomes of jobs that may lose so many leases."""
    loss = lost_lease(max_crashes)
    return {
        "target": str(loss.targets.unchanged),
        "target_if_cancelled": str(loss.targets.if_cancelled),
        "target_if_superseded": str(loss.targets.if_superseded),
        "fatal_crash": loss.fatal_crash,
        "target_if_fatal": str(loss.if_fatal),
        "max_crashes": max_crashes,
        "message_format": _LOST_LEASE_FORMAT,
        "unknown_worker": UNKNOWN_WORKER,
        "lost_worker": LOST_WORKER,
        "outcome": LOST,
    }
