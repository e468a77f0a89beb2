"""Answers to a request to run a job again."""

from __future__ import annotations

from enum import StrEnum


class RetryAnswer(StrEnum):
    """The result of a request to run a job again."""

    RETRIED = "retried"
    """It had ended, and is pending again: due now, its counters at zero."""
    PENDING = "pending"
    """It has not ended: it waits for its time, or for its next attempt."""
    RUNNING = "running"
    """It has not ended: it runs."""
    DUPLICATE = "duplicate"
    """An unfinished job has its dedupe key."""
    CHANGED = "changed"
    """It was chosen for what it was, and is so no more."""
    UNKNOWN = "unknown"
    """There is no such job."""
