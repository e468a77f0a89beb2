"""A second opinion without croniter: every minute of a zone's clock is walked and asked."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Fields:
    """An expression together with what its fields allow, made by the generator and not by parsing."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int] | None
    weekdays: frozenset[int] | None
    """0 is Sunday. Days and weekdays are OR-ed where both are restricted."""

    def matches(self, wall: datetime) -> bool:
        """True if the wall-clock minute is one of the expression's."""
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        if self.months is not None and wall.month not in self.months:
            return False
        by_day = self.days is None or wall.day in self.days
        by_weekday = self.weekdays is None or wall.isoweekday() % 7 in self.weekdays
        if self.days is not None and self.weekdays is not None:
            return wall.day in self.days or wall.isoweekday() % 7 in self.weekdays
        return by_day and by_weekday

    @property
    def interval_like(self) -> bool:
        """The policy's own definition, on the text."""
        minute, hour = self.text.split()[:2]
        return minute.startswith("*") or hour.startswith("*")


def random_fields(rng: random.Random) -> Fields:
    """An expression with minutes and hours of every form, and sometimes days, months and weekdays."""
    minute_text, minutes = _field(rng, 0, 59, star=0.15)
    hour_text, hours = _field(rng, 0, 23, star=0.35)
    if minute_text == "*" and hour_text == "*":
        minute_text, minutes = "*/20", frozenset({0, 20, 40})
    day_text, days = _field(rng, 1, 28, star=0.75)
    month_text, months = _field(rng, 1, 12, star=0.85)
    weekday_text, weekdays = _field(rng, 0, 6, star=0.75)
    return Fields(
        f"{minute_text} {hour_text} {day_text} {month_text} {weekday_text}",
        minutes,
        hours,
        None if day_text == "*" else days,
        None if month_text == "*" else months,
        None if weekday_text == "*" else weekdays,
    )


def _field(rng: random.Random, low: int, high: int, star: float) -> tuple[str, frozenset[int]]:
    everything = range(low, high + 1)
    if rng.random() < star:
        return "*", frozenset(everything)
    kind = rng.choice(["one", "one", "list", "range", "step", "range step"])
    if kind == "list":
        chosen = sorted(rng.sample(everything, rng.randint(2, 4)))
        return ",".join(map(str, chosen)), frozenset(chosen)
    if kind in ("range", "range step"):
        start, end = sorted(rng.sample(everything, 2))
        step = rng.randint(2, 5) if kind == "range step" else 1
        text = f"{start}-{end}" + (f"/{step}" if kind == "range step" else "")
        return text, frozenset(range(start, end + 1, step))
    if kind == "step" and low == 0:
        step = rng.choice([2, 3, 5, 10, 15, 30][: 3 if high < 30 else 6])
        return f"*/{step}", frozenset(range(low, high + 1, step))
    value = rng.choice(everything)
    return str(value), frozenset({value})


def transitions(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The instants at which the zone's offset changes, found by walking hours, then minutes."""
    moment, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    found = []
    hour = timedelta(hours=1)
    while moment < end:
        before, after = _offset(moment, zone), _offset(moment + hour, zone)
        if before != after:
            found.append(next(at for at in _minutes(moment, 61) if _offset(at, zone) == after))
        moment += hour
    return found


def walk(zone: ZoneInfo, around: datetime, reach: timedelta) -> list[tuple[datetime, datetime]]:
    """Every real minute near an instant: the instant and what the zone's clock shows."""
    count = int(2 * reach / MINUTE)
    return [(at, at.astimezone(zone).replace(tzinfo=None)) for at in _minutes(around - reach, count)]


def expected(fields: Fields, minutes: list[tuple[datetime, datetime]]) -> list[datetime]:
    """When the policy says the expression is due, by brute force over walked minutes."""
    if fields.interval_like:
        return [at for at, wall in minutes if fields.matches(wall)]
    due: dict[datetime, None] = {}
    shown: set[datetime] = set()
    previous: datetime | None = None
    for at, wall in minutes:
        skipped = [] if previous is None else _walls_between(previous, wall)
        if any(fields.matches(lost) for lost in skipped):
            due[at] = None
        if wall not in shown and fields.matches(wall):
            due[at] = None
        shown.add(wall)
        previous = wall
    return list(due)


def _walls_between(before: datetime, after: datetime) -> list[datetime]:
    count = int((after - before) / MINUTE)
    return [before + MINUTE * step for step in range(1, count)]


def _minutes(start: datetime, count: int) -> list[datetime]:
    return [start + MINUTE * step for step in range(count)]


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset
