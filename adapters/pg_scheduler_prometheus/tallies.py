"""What is counted, as plain numbers: a metric object of prometheus_client takes a lock for each job."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


class Buckets:
    """A histogram. `bounds` are inclusive upper ones, in ascending order."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """As Prometheus has them: of each bound how many are at or below it, and of all of them last."""
        below, found = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found


LAG_BOUNDS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    1800.0,
    7200.0,
)
RUN_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
"""Seconds."""


@dataclass(slots=True)
class TaskTally:
    """Of one task in one queue."""

    stored: int = 0
    running: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    lag: Buckets = field(default_factory=lambda: Buckets(LAG_BOUNDS))
    run: Buckets = field(default_factory=lambda: Buckets(RUN_BOUNDS))


@dataclass(slots=True)
class WorkerTally:
    """Of the worker as a whole."""

    expired: int = 0
    lost: int = 0
    reclaimed: int = 0
    listening: bool = False
    up: bool = False
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By service and the error's class."""
