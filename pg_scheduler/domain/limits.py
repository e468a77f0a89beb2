"""Limits on the jobs of one task, exact across the cluster.

Theory of operation. A **lane** holds the pending and running jobs of one task that share a limit key; those
without a key share the lane ``""``. Jobs of a task that has limits (or is paused), and every job with a key,
stand in lanes; all others stand in none, and are claimed without looking at any of this. A lane's row in
the store is changed by each claim from it, so claims from one lane follow each other, and each knows what
the one before took.

The rate is the generic cell rate algorithm (ITU-T I.371): instead of a bucket of tokens a lane remembers
one instant, the time at which the bucket would be full again (`refilled_at`). A start moves it on by 1/rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_positive, is_finite_number

NO_KEY = ""
"""The lane of a limited task's jobs that have no limit key."""

MAX_RATE = 1_000_000.0
"""Starts per second; more is no limit at all."""

BURST_SECONDS = 0.1
"""How much of a second's rate may start at once after a pause."""

TOKEN_ROUNDING = 1e-4
"""A token that lacks no more than this is a whole one: times are whole microseconds."""


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """How much of a task may run; each number holds for every lane of the task by itself."""

    concurrency: int | None = None
    """At most this many run at once; None is no limit."""
    rate: float | None = None
    """At most this many starts per second; None is no limit."""

    @property
    def limited(self) -> bool:
        """True if any limit is set."""
        return self.concurrency is not None or self.rate is not None


NO_LIMITS = TaskLimits()


def checked_limits(
    concurrency_limit: object = None, requests_per_second: object = None, serialized_dispatch: object = False
) -> TaskLimits:
    """Limits as people write them. `serialized_dispatch` is a concurrency of one, whatever else is said.

    Raises:
        InvalidInput: a limit that is not a positive number.
    """
    concurrency = (
        None if concurrency_limit is None else checked_positive("concurrency_limit", concurrency_limit)
    )
    if not isinstance(serialized_dispatch, bool):
        raise InvalidInput("serialized_dispatch", f"expected True or False, got {shown(serialized_dispatch)}")
    return TaskLimits(1 if serialized_dispatch else concurrency, _checked_rate(requests_per_second))


def _checked_rate(value: object) -> float | None:
    # An infinite rate is how PgQueuer spells "no limit".
    if value is None or value == math.inf:
        return None
    if not is_finite_number(value) or not 0 < value <= MAX_RATE:  # type: ignore[operator]
        raise InvalidInput(
            "requests_per_second", f"expected a number over 0, up to {MAX_RATE:.0f}, got {shown(value)}"
        )
    return float(value)  # type: ignore[arg-type]


def burst_of(rate: float) -> float:
    """How many may start at once after a pause: a tenth of a second's worth, at least one.

    In any second at most `rate` + `burst_of(rate)` jobs start.
    """
    return max(1.0, rate * BURST_SECONDS)


def tokens(rate: float, refilled_at: datetime | None, now: datetime) -> float:
    """How many may start now; below 1 means none. A `refilled_at` further ahead than an empty bucket needs
    (a clock that was set back) counts as an empty bucket."""
    burst = burst_of(rate)
    ahead = (refilled_at - now).total_seconds() if refilled_at is not None else 0.0
    return burst - min(max(ahead, 0.0) * rate, burst)


def refilled_after(rate: float, refilled_at: datetime | None, now: datetime, starts: int) -> datetime:
    """When the bucket is full again, once `starts` jobs have started now."""
    missing = burst_of(rate) - tokens(rate, refilled_at, now) + starts
    return now + timedelta(seconds=missing / rate)


def until_token(rate: float, refilled_at: datetime | None, now: datetime) -> timedelta:
    """How long until one more may start."""
    return timedelta(seconds=max(1.0 - tokens(rate, refilled_at, now), 0.0) / rate)
