"""Limits on the jobs of a task or queue, exact across the cluster.

Theory of operation. A **lane** holds the pending and running jobs of one task that share a limit key; those
without a key share the lane ``""``. Jobs of a task that has limits (or is paused), and every job with a key,
stand in lanes, and so do the jobs of a queue that has limits; all others stand in none, and are claimed
without looking at any of this.

A job in a lane passes two **gates** before it starts: that of its lane, and that of its queue if the queue
has limits. A gate's row in the store is changed by each claim that passes it, so claims follow each other,
and each knows what the one before took. What is said below of a lane holds for both kinds.

The rate is the generic cell rate algorithm (ITU-T I.371): instead of a bucket of tokens a lane remembers
one instant, the time at which the bucket would be full again (`refilled_at`). A start moves it on by 1/rate.
Whatever rate held when it was written, and whatever the clock showed: right after the last start no more than
a whole bucket was missing.

A job that waits for room in its lane, or for the end of a pause, is not late: what its grace counts from is
in `waits_from`.
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

MIN_RATE = 1 / (366 * 86_400)
"""One start in a year; less is a pause."""

OF_QUEUES = ""
"""Where the gate of a lane has the name of its task, that of a queue has this; no task is called so."""

BURST_SECONDS = 0.1
"""How much of a second's rate may start at once after a pause."""

TOKEN_ROUNDING = 1e-4
"""A token that lacks no more than this is a whole one: times are whole microseconds."""


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """How much of a task may run, where each number holds for every lane of the task by itself; or how much
    of a queue, all its tasks together."""

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
    if not is_finite_number(value) or not MIN_RATE <= value <= MAX_RATE:  # type: ignore[operator]
        raise InvalidInput(
            "requests_per_second",
            f"expected a number from {MIN_RATE:.1e} (one in a year) to {MAX_RATE:.0f}, got {shown(value)}",
            "Pause the queue if nothing is to start",
        )
    return float(value)  # type: ignore[arg-type]


def burst_of(rate: float) -> float:
    """How many may start at once after a pause: a tenth of a second's worth, at least one.

    In any second at most `rate` + `burst_of(rate)` jobs start.
    """
    return max(1.0, rate * BURST_SECONDS)


FULL_LANE_PATIENCE = timedelta(seconds=100)
"""A lane counts as full for so long after somebody saw it so: twice the longest time between two looks."""

NOTE_AGAIN = timedelta(seconds=15)
"""How old the note that a lane is full may become while it is looked at."""


CLOCK_SET_BACK = timedelta(seconds=60)
"""What a lane gave so far ahead of now it gave by another clock. Less says nothing: a statement begins before
it sees what others have written."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """What is known of a lane apart from its jobs."""

    claimed_at: datetime
    """When it last gave jobs."""
    refilled_at: datetime | None = None
    """When its bucket is full again; None: it is full."""
    full_at: datetime | None = None
    """When it was last seen without a free slot; None: never."""


def _missing(rate: float, lane: LaneState | None, now: datetime) -> float:
    """How many tokens the bucket lacks; negative since it has been full."""
    if lane is None or lane.refilled_at is None:
        return -math.inf
    after_the_last = min((lane.claimed_at - now).total_seconds(), 0.0) + burst_of(rate) / rate
    return min((lane.refilled_at - now).total_seconds(), after_the_last) * rate


def tokens(rate: float, lane: LaneState | None, now: datetime) -> float:
    """How many may start now; below 1 means none. A lane that last gave jobs at a time that is still to come
    (a clock was set back) is taken to have given them just now."""
    return burst_of(rate) - max(_missing(rate, lane, now), 0.0)


def refilled_after(rate: float, lane: LaneState | None, now: datetime, starts: int) -> datetime:
    """When the bucket is full again, once `starts` jobs have started now."""
    missing = burst_of(rate) - tokens(rate, lane, now) + starts
    return now + timedelta(seconds=missing / rate)


def until_token(rate: float, lane: LaneState | None, now: datetime) -> timedelta:
    """How long until one more may start."""
    return timedelta(seconds=max(1.0 - tokens(rate, lane, now), 0.0) / rate)


def worth_noting(lane: LaneState | None, now: datetime, *, full: bool) -> bool:
    """Whether a look at a lane that gives nothing is to be written down: it is full, and the last note of
    that is old; or its state is of a time that is still to come."""
    if lane is not None and lane.claimed_at > now + CLOCK_SET_BACK:
        return True
    noted = None if lane is None else lane.full_at
    return full and (noted is None or not timedelta(0) <= now - noted < NOTE_AGAIN)


def noted(lane: LaneState | None, rate: float | None, now: datetime, *, full: bool) -> LaneState:
    """The state after such a look."""
    full_at = now if full else None if lane is None else lane.full_at
    if lane is None:
        return LaneState(now, None, full_at)
    if lane.claimed_at <= now + CLOCK_SET_BACK:
        return LaneState(lane.claimed_at, lane.refilled_at, full_at)
    return LaneState(now, None if rate is None else refilled_after(rate, lane, now, 0), full_at)


def waits_from(
    rate: float | None, lane: LaneState | None, resumed_at: datetime | None, now: datetime
) -> datetime | None:
    """Since when a job of a lane that has room now could have started, as far as the lane and the pauses of
    its task are concerned; None: since ever."""
    instants = [resumed_at]
    if lane is not None and lane.full_at is not None:
        instants.append(lane.full_at + FULL_LANE_PATIENCE)
    if rate is not None and lane is not None and lane.refilled_at is not None:
        spare = burst_of(rate) - 1 - _missing(rate, lane, now)
        instants.append(now - timedelta(seconds=spare / rate))
    return max((one for one in instants if one is not None), default=None)
