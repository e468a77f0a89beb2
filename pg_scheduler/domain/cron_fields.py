"""What the fields of a cron expression mean, written out as lists of numbers.

croniter finds the times, but it is not left to read the fields. To it a range from a value to itself means
everything, a step may be longer than its field, a range with a step loses its place at the field's end, and
an nth, last or nearest weekday drops the day of month beside it. So each field is read here, what can mean
nothing sensible is refused, and croniter gets numbers. A day of month and a day of week beside each other,
of which either is enough, become several expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from pg_scheduler.domain.errors import InvalidInput

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the places of an expression."""

    place: int
    name: str
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict)
    cyclic: bool = True
    """False for days of month: how far it is from the last to the first depends on the month."""
    also: int | None = None
    """A second number of the first value: 7 is Sunday as well."""
    instead_of_step: str = ""
    """What to write for a longer step, with a place for it."""

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def value(self, text: str) -> int:
        """The number of a name or a numeral."""
        if text in self.names:
            return self.names[text]
        if not text.isascii() or not text.isdigit():
            raise ValueError(f"{text!r} is no {self.name}")
        number = int(text)
        if number != self.also and not self.first <= number <= self.last:
            raise ValueError(f"{self.name} {number} is not in {self.first}-{self.last}")
        return number

    def start(self, text: str) -> int:
        """A value that stands alone or begins a range."""
        number = self.value(text)
        return self.first if number == self.also else number


_FIELDS = (
    _Field(0, "minute", 0, 59, instead_of_step="every=timedelta(minutes={})"),
    _Field(1, "hour", 0, 23, instead_of_step="every=timedelta(hours={})"),
    _Field(2, "day of month", 1, 31, cyclic=False, instead_of_step="every=timedelta(days={})"),
    _Field(
        3, "month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)},
        instead_of_step="the months, such as 1,7",
    ),
    _Field(
        4, "day of week", 0, 6, {name: number for number, name in enumerate(_WEEKDAYS)}, also=7,
        instead_of_step="every=timedelta(days={})",
    ),
    _Field(5, "second", 0, 59, instead_of_step="every=timedelta(seconds={})"),
)  # fmt: skip
_DAY, _WEEKDAY = 2, 4

_ITEM = re.compile(r"(?P<low>\*|[^-/]+)(?:-(?P<high>[^-/]+))?(?:/(?P<step>\d+))?", re.ASCII)
_HASHED = re.compile(r"h(?:\((?P<low>\d+)-(?P<high>\d+)\))?(?:/(?P<step>\d+))?", re.ASCII)
_NEAREST = re.compile(r"(?:(\d+)w|w(\d+))", re.ASCII)
_NTH = re.compile(r"(?P<days>[^#]+)#(?P<nth>[1-5])", re.ASCII)
_LAST = re.compile(r"l(?P<day>[a-z0-9]+)", re.ASCII)
_LAST_HASHED_DAY = 28
"""``H`` stands for a day that every month has."""


def plain_expressions(expression: str, hash_name: str) -> tuple[str, ...]:
    """Expressions without ranges, steps, names and ``H``: a time of any of them is a time of the given one,
    which has five or six fields with single spaces between. ``H`` is derived from `hash_name`.

    Raises:
        InvalidInput: a field that cannot be read, or a step that its field cannot take.
    """
    texts = expression.lower().split(" ")
    readings = []
    for kind, text in zip(_FIELDS, texts, strict=False):
        try:
            readings.append(_reading(kind, text, hash_name))
        except InvalidInput:
            raise
        except ValueError as error:
            raise InvalidInput("cron", f"{expression!r} cannot be read: {error}") from error
    days, weekdays = readings[_DAY], readings[_WEEKDAY]
    if days != _ANY and weekdays != _ANY:
        pairs = [*((day, "*") for day in days), *(("*", weekday) for weekday in weekdays)]
    else:
        pairs = [(day, weekday) for day in days for weekday in weekdays]
    minute, hour, _, month, _, *seconds = (reading[0] for reading in readings)
    return tuple(" ".join([minute, hour, day, month, weekday, *seconds]) for day, weekday in pairs)


_ANY = ("*",)


def _reading(kind: _Field, text: str, hash_name: str) -> tuple[str, ...]:
    """What a field allows, as croniter is to read it. Several readings, of which any is enough, are only of a
    day: croniter takes neither two nearest weekdays nor an nth weekday beside others, and thirty days with
    the last one are to it every day."""
    if text == "?" and kind.place in (_DAY, _WEEKDAY):
        return _ANY
    numbers: set[int] = set()
    last_and_nearest, nth = [], []
    for item in text.split(","):
        if item in ("*", "*/1"):
            return _ANY
        if kind.place == _DAY and item in ("l", "l-l"):
            last_and_nearest.append("l")
        elif kind.place == _DAY and (match := _NEAREST.fullmatch(item)):
            last_and_nearest.append(f"{kind.value(match[1] or match[2])}w")
        elif kind.place == _WEEKDAY and (match := _NTH.fullmatch(item)):
            nth += [f"{day}#{match['nth']}" for day in sorted(_numbers(kind, match["days"], hash_name))]
        elif kind.place == _WEEKDAY and (match := _LAST.fullmatch(item)):
            nth.append(f"l{kind.start(match['day'])}")
        else:
            numbers |= _numbers(kind, item, hash_name)
    if len(numbers) == kind.size and kind.place not in (_DAY, _WEEKDAY):
        return _ANY
    lists = [map(str, sorted(numbers)), nth]
    return tuple(filter(None, [*map(",".join, lists), *last_and_nearest]))


def _numbers(kind: _Field, item: str, hash_name: str) -> set[int]:
    """What one value, range or step of a list means."""
    if hashed := _HASHED.fullmatch(item):
        return _wrapped(kind, _hashed(kind, hashed, hash_name))
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"{item!r} is no {kind.name}")
    low, high, step = match["low"], match["high"], _step(kind, item, match["step"])
    if low == "*":
        if high is not None:
            raise ValueError(f"{item!r} is no {kind.name}")
        return set(range(kind.first, kind.last + 1, step))
    start = kind.start(low)
    if high is None:
        return {start} if match["step"] is None else set(range(start, kind.last + 1, step))
    return _range(kind, item, start, _range_end(kind, high), low == high, step)


def _range(kind: _Field, item: str, start: int, end: int, one_value: bool, step: int) -> set[int]:
    """From one value to another, over the field's end if need be."""
    if one_value:
        return {start}
    if end < start:
        end += kind.size
        if step > 1 and not kind.cyclic:
            days = ",".join(map(str, sorted(_wrapped(kind, range(start, end + 1, step)))))
            raise ValueError(
                f"{item!r} steps over the end of months of different lengths; write the days, such as {days}"
            )
    return _wrapped(kind, range(start, end + 1, step))


def _range_end(kind: _Field, high: str) -> int:
    return kind.last if kind.place == _DAY and high == "l" else kind.value(high)


def _step(kind: _Field, item: str, text: str | None) -> int:
    step = 1 if text is None else int(text)
    if step == 0:
        raise ValueError(f"{item!r} has a step of 0")
    if step > kind.size:
        advice = kind.instead_of_step.format(step)
        raise InvalidInput(
            "cron",
            f"the step of {item!r} is longer than its field: there are {kind.size} values of {kind.name}, "
            "and it would begin anew with each round of them",
            f"Write {advice}",
        )
    return step


def _hashed(kind: _Field, match: re.Match[str], hash_name: str) -> Iterable[int]:
    """``H``, ``H(5-20)``, ``H/15``, ``H(5-20)/4``: a place, or the first of several, by the name."""
    first, last = kind.first, _LAST_HASHED_DAY if kind.place == _DAY else kind.last
    if match["low"] is not None:
        first, last = kind.value(match["low"]), kind.value(match["high"])
        if last < first:
            raise ValueError(f"{match[0]!r} ends before it begins")
    elif match["step"] is not None:
        last = kind.last
    drawn = crc32((hash_name or "pg_scheduler").encode()) >> kind.place
    if match["step"] is None:
        return [drawn % (last - first + 1) + first]
    step = _step(kind, match[0], match["step"])
    start = drawn % min(step, last - first + 1) + first
    return range(start, last + 1, step)


def _wrapped(kind: _Field, values: Iterable[int]) -> set[int]:
    return {(value - kind.first) % kind.size + kind.first for value in values}
