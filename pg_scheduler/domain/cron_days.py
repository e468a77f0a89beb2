"""The times of a cron rule in a span, day by day: how many there are, and the latest of them.

croniter walks from time to time; a month of downtime of `* * * * *` would be 43,200 steps. Here it walks from
day to day. A matching day has the same times as others, so they are counted and not made. Days on which the
zone's clocks change, and those after them, are gone through time by time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from typing import Any

from pg_scheduler.domain.cron import CronRule, comes_round, parsed_plainly, transition_between, walk
from pg_scheduler.domain.cron_fields import plain_expressions

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)


class CronDays:
    """The times of one rule after an instant, up to another: to the second, as the rule's own."""

    def __init__(self, rule: CronRule, after: datetime, until: datetime) -> None:
        self._rule = rule
        self._after, self._until = after.astimezone(UTC), until.astimezone(UTC)
        self._first, self._last = (
            moment.astimezone(rule.timezone).date() for moment in (self._after, self._until)
        )
        self._times = _times_by_day(rule.written_out, rule.hash_name, self._first - _DAY, self._last + _DAY)

    def count(self) -> int:
        """How many there are."""
        return sum(self._count_of(day) for day in self._days())

    def latest(self, most: int) -> list[datetime]:
        """The latest of them, oldest first, in UTC."""
        found: list[datetime] = []
        for day in reversed(list(self._days())):
            found[:0] = self._instants_of(day)
            if len(found) >= most:
                break
        return found[-most:]

    def _days(self) -> Iterator[date]:
        return (self._first + number * _DAY for number in range((self._last - self._first).days + 1))

    def _count_of(self, day: date) -> int:
        times = self._times.get(day, ())
        if not self._is_even(day):
            return len(self._instants_of(day))
        if not times or self._first < day < self._last:
            return len(times)
        begin = self._begin(day)
        low, high = ((moment - begin).total_seconds() for moment in (self._after, self._until))
        return bisect_right(times, high) - bisect_right(times, low)

    def _instants_of(self, day: date) -> list[datetime]:
        """Those of a day; near a change of the clocks also what the change has put there."""
        begin, end = self._begin(day), self._begin(day + _DAY)
        times = self._times.get(day, ())
        if self._is_even(day):
            instants = [begin + timedelta(seconds=seconds) for seconds in times]
        else:
            walls = [
                datetime.combine(one, time()) + timedelta(seconds=seconds)
                for one in (day - _DAY, day, day + _DAY)
                for seconds in self._times.get(one, ())
            ]
            instants = sorted({instant for wall in walls for instant in self._rule.instants(wall)})
        first, last = max(begin, self._after + _SECOND), min(end - _SECOND, self._until)
        return [instant for instant in instants if first <= instant <= last]

    def _is_even(self, day: date) -> bool:
        """Whether the clocks did not change on it, nor on the day before, nor at its end."""
        before, begin, end = (self._begin(day + number * _DAY) for number in (-1, 0, 1))
        offsets = {moment.astimezone(self._rule.timezone).utcoffset() for moment in (before, begin, end)}
        return len(offsets) == 1 and end - begin == begin - before == _DAY

    def _begin(self, day: date) -> datetime:
        """The first instant of a day: where its midnight is left out, that of the change."""
        midnight = datetime.combine(day, time(), self._rule.timezone)
        as_before, as_after = (midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if as_after < as_before:
            return transition_between(as_after, as_before, self._rule.timezone)
        return as_before


def _times_by_day(expression: str, hash_name: str, first: date, last: date) -> dict[date, tuple[int, ...]]:
    """The times of each matching day, as seconds since its midnight, in order."""
    matching: dict[date, list[int]] = {}
    start = datetime.combine(first, time(), UTC) - _SECOND
    parts = _parts(expression, hash_name)
    for number, (days, _) in enumerate(parts):
        for midnight in walk(days, start):
            if midnight.date() > last:
                break
            matching.setdefault(midnight.date(), []).append(number)
    return {day: _union(expression, hash_name, tuple(numbers)) for day, numbers in matching.items()}


@lru_cache(maxsize=1024)
def _parts(expression: str, hash_name: str) -> tuple[tuple[Any, frozenset[int]], ...]:
    """Of each plain expression the days, for croniter, and the seconds of the day."""
    parts = []
    for plain in plain_expressions(expression, hash_name):
        minute, hour, day, month, weekday, *second = plain.split(" ")
        days = parsed_plainly(f"0 0 {day} {month} {weekday}")
        if comes_round(days):
            times = product(
                _numbers(hour, 24), _numbers(minute, 60), _numbers(second[0] if second else "0", 60)
            )
            parts.append((days, frozenset(h * 3600 + m * 60 + s for h, m, s in times)))
    return tuple(parts)


@lru_cache(maxsize=1024)
def _union(expression: str, hash_name: str, numbers: tuple[int, ...]) -> tuple[int, ...]:
    parts = _parts(expression, hash_name)
    return tuple(sorted(frozenset[int]().union(*(parts[number][1] for number in numbers))))


def _numbers(text: str, size: int) -> list[int]:
    return list(range(size)) if text == "*" else [int(number) for number in text.split(",")]
