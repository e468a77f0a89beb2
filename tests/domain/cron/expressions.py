"""Expressions together with what they mean, made by a generator and not by parsing: what a crontab's reader
counts off with a finger on the face of the clock."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

DayRule = Callable[[date], bool]


@dataclass(frozen=True)
class Expression:
    """An expression and its model."""

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    days: DayRule | None
    """None: every day."""
    weekdays: DayRule | None

    def due_on(self, day: date) -> bool:
        """Whether it is due on a day at all; of two restrictions either is enough."""
        rules = [rule for rule in (self.days, self.weekdays) if rule is not None]
        return day.month in self.months and (not rules or any(rule(day) for rule in rules))

    def after(self, moment: datetime, days: int) -> Iterator[datetime]:
        """Due times after a moment, within so many days, by looking at each of them."""
        for number in range(days):
            day = (moment + timedelta(days=number)).date()
            if not self.due_on(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    for second in sorted(self.seconds):
                        found = datetime(
                            day.year, day.month, day.day, hour, minute, second, tzinfo=moment.tzinfo
                        )
                        if found > moment:
                            yield found


Item = tuple[str, frozenset[int]]


def counted(start: int, end: int, step: int, first: int, last: int) -> frozenset[int]:
    """From start to end in steps, over the end of the face if it comes to that."""
    found, at, left = set(), start, (end - start) % (last - first + 1)
    while left >= 0:
        found.add(at)
        left -= step
        for _ in range(step):
            at = first if at == last else at + 1
    return frozenset(found)


def items(
    first: int, last: int, names: list[str] | None = None, cyclic: bool = True
) -> st.SearchStrategy[Item]:
    """One item of a field's list."""
    size = last - first + 1

    @st.composite
    def item(draw: st.DrawFn) -> Item:
        def word(number: int) -> str:
            if names and draw(st.booleans()):
                name = names[number - first]
                return draw(st.sampled_from([name, name.lower(), name.title()]))
            return str(number)

        value = st.integers(first, last)
        start = draw(value)
        kind = draw(st.sampled_from(["one", "range", "itself", "star step", "start step"]))
        step = draw(st.integers(1, size)) if draw(st.booleans()) else 1
        over = f"/{step}" if step > 1 or draw(st.booleans()) else ""
        if kind == "one":
            return word(start), frozenset({start})
        if kind == "itself":
            return f"{word(start)}-{word(start)}{over}", frozenset({start})
        if kind == "star step":
            return f"*/{max(step, 2)}", frozenset(range(first, last + 1, max(step, 2)))
        if kind == "start step":
            return f"{word(start)}/{step}", frozenset(range(start, last + 1, step))
        end = draw(value)
        if end < start and not cyclic and step > 1:
            start, end = end, start
        if end == start:
            return word(start), frozenset({start})
        return f"{word(start)}-{word(end)}{over}", counted(start, end, step, first, last)

    return item()


def sets(first: int, last: int, names: list[str] | None = None) -> st.SearchStrategy[Item]:
    """A whole field of plain values."""
    some = st.lists(items(first, last, names), min_size=1, max_size=3).map(
        lambda found: (
            ",".join(text for text, _ in found),
            frozenset().union(*(values for _, values in found)),
        )
    )
    return st.one_of(st.just(("*", frozenset(range(first, last + 1)))), some)


RuleItem = tuple[str, DayRule]


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(wanted: int) -> DayRule:
    def matches(day: date) -> bool:
        # As the manual of such crons has it: Saturday goes to Friday, Sunday to Monday, never over the month.
        target = date(day.year, day.month, min(wanted, _last_day(day)))
        working = [
            date(day.year, day.month, number)
            for number in range(1, _last_day(day) + 1)
            if date(day.year, day.month, number).isoweekday() <= 5
        ]
        away = lambda one: (abs((one - target).days), (one > target) is (target.isoweekday() == 6))  # noqa: E731
        return day == min(working, key=away)

    return matches


@st.composite
def day_items(draw: st.DrawFn) -> RuleItem:
    """One item of the days of a month."""
    kind = draw(st.sampled_from(["plain", "plain", "last", "to last", "nearest"]))
    if kind == "plain":
        text, values = draw(items(1, 31, cyclic=False))
        return text, lambda day: day.day in values
    if kind == "last":
        return draw(st.sampled_from(["L", "l"])), lambda day: day.day == _last_day(day)
    number = draw(st.integers(1, 31))
    if kind == "to last":
        return f"{number}-L", lambda day: day.day >= number
    return draw(st.sampled_from([f"{number}W", f"w{number}"])), _nearest_weekday(number)


WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@st.composite
def weekday_items(draw: st.DrawFn) -> RuleItem:
    """One item of the days of a week."""
    kind = draw(st.sampled_from(["plain", "plain", "to sunday", "nth", "last"]))
    if kind == "plain":
        text, values = draw(items(0, 6, WEEKDAYS))
        return text, lambda day: day.isoweekday() % 7 in values
    number = draw(st.integers(0, 7))
    word = draw(st.sampled_from([str(number), WEEKDAYS[number % 7]]))
    if kind == "to sunday":
        start = number if word == "0" or number else 7
        step = draw(st.integers(1, 7))
        begin = 0 if word in ("0", "7", "SUN") else start
        values = frozenset(value % 7 for value in range(begin, 8, step)) if word != "7" else frozenset({0})
        return f"{word}-7/{step}", lambda day: day.isoweekday() % 7 in values
    if kind == "nth":
        nth = draw(st.integers(1, 5))
        return f"{word}#{nth}", lambda day: day.isoweekday() % 7 == number % 7 and (day.day + 6) // 7 == nth
    return f"L{number}", lambda day: day.isoweekday() % 7 == number % 7 and day.day + 7 > _last_day(day)


def rules(one: st.SearchStrategy[RuleItem]) -> st.SearchStrategy[tuple[str, DayRule | None]]:
    """A whole field of days."""

    def joined(found: list[RuleItem]) -> tuple[str, DayRule | None]:
        return ",".join(text for text, _ in found), lambda day: any(rule(day) for _, rule in found)

    free: st.SearchStrategy[tuple[str, DayRule | None]] = st.sampled_from([("*", None), ("?", None)])
    return st.one_of(free, st.lists(one, min_size=1, max_size=3).map(joined))


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    """Five or six fields of every form."""
    minute, minutes = draw(sets(0, 59))
    hour, hours = draw(sets(0, 23))
    day, days = draw(rules(day_items()))
    month, months = draw(
        sets(1, 12, ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
    )
    weekday, weekdays = draw(rules(weekday_items()))
    second, seconds = draw(st.one_of(st.just(("", frozenset({0}))), sets(0, 59)))
    if second == "*":
        second, seconds = "", frozenset({0})
    text = f"{minute} {hour} {day} {month} {weekday} {second}".strip()
    return Expression(text, seconds, minutes, hours, months, days, weekdays)
