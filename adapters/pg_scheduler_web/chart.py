"""The last hour as bars, for an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.minutes import Minute

MINUTES = 60
WIDTH, HEIGHT, STEP = 900, 110, 15


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute. Lengths are those of the drawing."""

    at: datetime
    x: int
    good: int
    bad: int
    """How many ended well, and how many attempts failed."""
    good_height: float
    bad_height: float

    @property
    def good_y(self) -> float:
        return HEIGHT - self.good_height

    @property
    def bad_y(self) -> float:
        return self.good_y - self.bad_height


@dataclass(frozen=True, slots=True)
class Chart:
    """All of them, the latest on the right."""

    bars: tuple[Bar, ...]
    most: int
    """What the full height stands for."""
    good: int
    bad: int

    width: int = WIDTH
    height: int = HEIGHT


def bars_of(minutes: Sequence[Minute], now: datetime) -> Chart:
    """The last hour; minutes in which nothing happened are empty."""
    latest = now.replace(second=0, microsecond=0)
    by_start = {one.at.replace(second=0, microsecond=0): one for one in minutes}
    times = [latest - timedelta(minutes=back) for back in reversed(range(MINUTES))]
    pairs = [(_good(by_start.get(at)), _bad(by_start.get(at))) for at in times]
    most = max((good + bad for good, bad in pairs), default=0)
    scale = HEIGHT / most if most else 0.0
    bars = tuple(
        Bar(at, place * STEP, good, bad, round(good * scale, 1), round(bad * scale, 1))
        for place, (at, (good, bad)) in enumerate(zip(times, pairs, strict=True))
    )
    return Chart(bars, most, sum(good for good, _ in pairs), sum(bad for _, bad in pairs))


def _good(minute: Minute | None) -> int:
    return 0 if minute is None else minute.completed


def _bad(minute: Minute | None) -> int:
    return 0 if minute is None else minute.failed + minute.retried
