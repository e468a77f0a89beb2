"""When a job is too late to start at all."""

from __future__ import annotations

from datetime import datetime, timedelta

START_TOLERANCE = timedelta(seconds=1)
"""No machine starts anything at the exact microsecond, so a grace of 0 means: within this second."""

EXPIRED_MESSAGE = "expired: not started within its misfire grace time"
"""The error text of a job that was too late to start."""


def ever_started(started_at: datetime | None, retry_count: int) -> bool:
    """Whether an attempt of the job has begun: `retry_count` tells it of a table that an older version made,
    which did not keep the time of the start."""
    return started_at is not None or retry_count > 0


def misfired(lateness: timedelta, grace_seconds: int | None, ever_started: bool) -> bool:
    """True if a job that is `lateness` past its execution time must expire instead of starting.

    Grace None means never. Only the first start can misfire: a retry, a snoozed, released or
    recovered job was on time once, and its later starts are late by design.
    """
    if grace_seconds is None or ever_started:
        return False
    return lateness > max(timedelta(seconds=grace_seconds), START_TOLERANCE)
