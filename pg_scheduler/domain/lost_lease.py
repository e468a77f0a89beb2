"""What a row becomes when its worker stops renewing the lease, for every store; as data, like `settling`."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache

from pg_scheduler.domain.settling import Targets
from pg_scheduler.domain.states import JobStatus


def status_after_lost_lease(
    superseded: bool, cancel_requested: bool, crash_count: int, max_crashes: int
) -> JobStatus:
    """Where a lost lease leaves its job; `crash_count` counts this loss already."""
    if superseded:
        return JobStatus.PENDING
    if cancel_requested:
        return JobStatus.CANCELLED
    return JobStatus.FAILED if crash_count >= max_crashes else JobStatus.PENDING


@dataclass(frozen=True, slots=True)
class LostLease:
    """What the loss of a lease does to its row."""

    targets: Targets
    fatal_crash: int | None
    """The first loss, counted from 1, that leaves the job elsewhere; None if none does."""
    if_fatal: JobStatus
    """Where that loss and later ones leave it, unless it is cancelled or superseded."""


@cache
def lost_lease(max_crashes: int) -> LostLease:
    """The rules for jobs that may lose so many leases."""

    def after(crash_count: int) -> JobStatus:
        return status_after_lost_lease(False, False, crash_count, max_crashes)

    survived = after(0)
    counts = range(1, max_crashes + 2)
    place = bisect_left(counts, True, key=lambda count: after(count) is not survived)
    fatal = counts[place] if place < len(counts) else None
    return LostLease(
        targets=Targets(
            unchanged=survived,
            if_cancelled=status_after_lost_lease(False, True, 0, max_crashes),
            if_superseded=status_after_lost_lease(True, False, 0, max_crashes),
        ),
        fatal_crash=fatal,
        if_fatal=survived if fatal is None else after(fatal),
    )


LOST_LEASE_MESSAGE = (
    "lease lost: worker {worker_id} showed no sign of life (crash {crash_count} of {max_crashes})"
)
"""The error text of a job whose worker went silent, as a format."""

UNKNOWN_WORKER = "unknown"
"""What stands there for a worker without a name."""


def lost_lease_message(worker_id: str | None, crash_count: int, max_crashes: int) -> str:
    """The error text of a job whose worker went silent."""
    return LOST_LEASE_MESSAGE.format(
        worker_id=worker_id or UNKNOWN_WORKER, crash_count=crash_count, max_crashes=max_crashes
    )
