"""What workers did, by the minute: counted in their memory and added to the store every few seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

FLUSH_SECONDS = 10.0
"""How often a worker adds its figures. If it is killed, those of so many seconds are missing."""
KEPT = timedelta(days=1)
"""How long they are kept."""
MOST_NAMES = 500
"""Queues with their tasks that one worker counts by themselves in one flush; all further ones together, under
no name: a name in a row must not make rows without end."""
MOST_DURATIONS = 100
"""Of so many queues with their tasks it is told how long attempts waited and ran: adding up durations costs
ten times what counts cost."""
BUCKETS = 24
"""Durations are counted by powers of two of a millisecond: below 1 ms, below 2 ms, ... and 70 minutes or
more."""

Work = tuple[str, str]
"""A queue and a task."""
OTHERS: Work = ("", "")


@dataclass(slots=True)
class Tally:
    """What happened to the jobs of one task in one queue."""

    started: int = 0
    """Attempts that have begun."""
    completed: int = 0
    failed: int = 0
    """Jobs that ended failed."""
    retried: int = 0
    """Attempts that failed and will be repeated."""
    cancelled: int = 0
    waits: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    """How long after they were due attempts began, by `bucket_of`."""
    runs: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    """How long attempts took that ended."""

    def add(self, other: Tally) -> None:
        """Add another one's figures."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.waits = [one + two for one, two in zip(self.waits, other.waits, strict=True)]
        self.runs = [one + two for one, two in zip(self.runs, other.runs, strict=True)]


COUNTS = tuple(one.name for one in fields(Tally) if one.name not in ("waits", "runs"))


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of all workers together."""

    at: datetime
    """Its beginning, by the store's clock."""
    started: int
    completed: int
    failed: int
    retried: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minute by minute; those in which nothing happened are left out."""

    rows: tuple[Minute, ...]
    now: datetime
    """The store's time."""


@dataclass(frozen=True, slots=True)
class LatestWork:
    """The last hour, and the last whole minutes of it."""

    hour: Mapping[Work, Tally]
    now: datetime


def bucket_of(seconds: float) -> int:
    """Where a duration is counted."""
    return min(int(seconds * 1000.0).bit_length(), BUCKETS - 1) if seconds > 0 else 0


def bounds_of(bucket: int) -> tuple[float, float]:
    """The shortest duration that is counted there, and the shortest that is too long for it; seconds."""
    least = 2.0 ** (bucket - 1) / 1000.0 if bucket else -math.inf
    return least, 2.0**bucket / 1000.0 if bucket < BUCKETS - 1 else math.inf


def due_bounds_of(bucket: int, at: datetime) -> tuple[datetime, datetime]:
    """What has waited for such a duration by then was due after the one time, and not after the other."""
    least, too_long = bounds_of(bucket)
    after = at - timedelta(seconds=too_long) if too_long < math.inf else datetime.min.replace(tzinfo=UTC)
    return after, at - timedelta(seconds=least) if least > 0 else datetime.max.replace(tzinfo=UTC)


def quantile(counts: Sequence[int], part: float) -> timedelta | None:
    """A duration below which this part of those counted is; None if there are none. Within its bucket it is
    interpolated."""
    total = sum(counts)
    if not total:
        return None
    wanted, below = part * total, 0
    for bucket, count in enumerate(counts):
        if count and below + count >= wanted:
            low = 0.0 if bucket == 0 else 2.0 ** (bucket - 1)
            high = 2.0**bucket
            return timedelta(milliseconds=low + (high - low) * (wanted - below) / count)
        below += count
    return timedelta(milliseconds=2.0 ** (BUCKETS - 1))
