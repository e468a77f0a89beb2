"""Cron expressions in a time zone: croniter finds their times, this policy decides what daylight saving does.
What the fields mean is in `cron_fields`.

An expression is *interval-like* when its minute or hour field starts with ``*``: it describes an interval
and follows elapsed time: it is due at every occurrence, and not in a gap. Any other describes wall-clock
times: each is due once per local day, at the end of the gap if it falls into one, and the first time in an
hour that is repeated. `dst_gap` and `dst_overlap` override this.

The walk is over wall-clock times as if there were no zone; each is then mapped to the instants at which the
zone's clocks show it: none (a gap), one, or two (an overlap).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import groupby
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from pg_scheduler.domain.cron_fields import plain_expressions
from pg_scheduler.domain.errors import InvalidInput

GapRule = Literal["shift", "skip"]
"""What a wall-clock time that does not exist does: happen at the gap's end, or not at all."""
OverlapRule = Literal["first", "both"]
"""What a wall-clock time that happens twice does."""

MAX_EXPRESSION = 255
"""Characters; refused before anything parses it."""

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_RANDOM = re.compile(r"(?<![A-Za-z])[Rr](?![A-Za-z])")
_HASHED = re.compile(r"(?<![A-Za-z])[Hh](?![A-Za-z])")
_LONG_NUMBER = re.compile(r"\d{5,}")
_SECOND = timedelta(seconds=1)
_SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)


def zone_of(timezone: str | ZoneInfo | None) -> ZoneInfo:
    """The zone by its IANA name; UTC for None.

    Raises:
        InvalidInput: "Invalid timezone".
    """
    if timezone is None:
        return ZoneInfo("UTC")
    if isinstance(timezone, ZoneInfo):
        if not timezone.key:
            raise InvalidInput(
                "timezone",
                f"{timezone!r} has no name, so other processes could not find it",
                "Give it one: ZoneInfo.from_file(..., key=...), or use an IANA name",
            )
        return timezone
    try:
        if not isinstance(timezone, str):
            raise TypeError("not a name")
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise InvalidInput(
            "timezone", f"Invalid timezone {timezone!r}", 'Use an IANA name such as "Europe/Paris"'
        ) from error


def normalized(expression: object) -> str:
    """The expression with single spaces and its alias written out; guards against the known traps.

    Raises:
        InvalidInput: naming the trap and what to write instead.
    """
    if not isinstance(expression, str):
        raise InvalidInput("cron", f"expected a str, got {type(expression).__name__}")
    if len(expression) > MAX_EXPRESSION:
        raise InvalidInput("cron", f"{len(expression)} characters; the limit is {MAX_EXPRESSION}")
    text = " ".join(expression.split())
    if text.startswith("@"):
        if text.lower() not in _ALIASES:
            raise InvalidInput("cron", f"unknown alias {text!r}", f"One of: {', '.join(_ALIASES)}")
        return _ALIASES[text.lower()]
    fields = text.split(" ") if text else []
    if len(fields) not in (5, 6):
        raise InvalidInput(
            "cron",
            f"{expression!r} has {len(fields)} fields",
            "Write minute hour day month day-of-week, and seconds last if you need them",
        )
    if len(fields) == 6 and fields[5] == "*" and fields[0] != "*":
        raise InvalidInput(
            "cron",
            f"{expression!r} means every second of those minutes, because the seconds field comes last",
            f"Did you mean {' '.join([*fields[1:], fields[0]])!r}?",
        )
    if _RANDOM.search(text):
        raise InvalidInput(
            "cron",
            "R is random in each process, so replicas would disagree",
            "Use H, which is fixed by the schedule's key",
        )
    if _LONG_NUMBER.search(text):
        raise InvalidInput("cron", f"{expression!r} holds a number no field can have")
    return text


def is_hashed(expression: str) -> bool:
    """True if an expression has an ``H`` in it, so that its times depend on the schedule's key."""
    return bool(_HASHED.search(expression))


def is_interval_like(expression: str) -> bool:
    """True if a normalized expression means "so often" rather than wall-clock times."""
    minute, hour = expression.split(" ")[:2]
    return minute.startswith("*") or hour.startswith("*")


@dataclass(frozen=True, slots=True)
class CronRule:
    """When a cron expression is due. Construction checks everything.

    Raises:
        InvalidInput: a bad expression, zone or rule; an expression that is never due.
    """

    expression: str
    """As given by the user; see `written_out` for what it means."""
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    dst_gap: GapRule | None = None
    """None: skip if interval-like, else shift."""
    dst_overlap: OverlapRule | None = None
    """None: both if interval-like, else first."""
    hash_name: str = ""
    """What ``H`` is derived from: the schedule's key."""
    written_out: str = field(init=False, compare=False)
    """The expression without aliases and doubled spaces."""

    def __post_init__(self) -> None:
        for name, allowed in (("dst_gap", GapRule), ("dst_overlap", OverlapRule)):
            value = getattr(self, name)
            if value is not None and value not in get_args(allowed):
                raise InvalidInput(name, f"expected one of {', '.join(get_args(allowed))}, got {value!r}")
        object.__setattr__(self, "written_out", normalized(self.expression))
        self.next_after(_SOME_TIME)

    def next_after(self, moment: datetime) -> datetime:
        """The first due instant strictly after `moment`: UTC, to the second.

        Raises:
            InvalidInput: there is none.
        """
        after = moment.astimezone(UTC).replace(microsecond=0)
        local = after.astimezone(self.timezone)
        found = self._after(after, local.replace(tzinfo=None))
        if self._keeps_both() and _is_ambiguous(local) and local.fold == 0:
            # In the first pass of a repeated hour, the second pass of what is already behind still comes.
            found = min(found, self._second_pass(after, local))
        return found

    def _after(self, after: datetime, wall: datetime) -> datetime:
        for candidate in self._walls_after(wall):
            for instant in self.instants(candidate):
                if instant > after:
                    return instant
        raise AssertionError("croniter's walk has no end")

    def _second_pass(self, after: datetime, local: datetime) -> datetime:
        change = transition_between(after, after + timedelta(hours=26), self.timezone)
        repeat_starts = change.astimezone(self.timezone).replace(tzinfo=None)
        candidate = next(self._walls_after(repeat_starts - _SECOND))
        repeated = candidate.replace(tzinfo=self.timezone, fold=1)
        return repeated.astimezone(UTC)

    def instants(self, wall: datetime) -> list[datetime]:
        """The instants at which the zone's clocks show a wall-clock time, as the rules have it."""
        first = wall.replace(tzinfo=self.timezone, fold=0)
        second = first.replace(fold=1)
        at_first, at_second = first.astimezone(UTC), second.astimezone(UTC)
        if at_first == at_second:
            return [at_first]
        if at_first < at_second:
            return [at_first, at_second] if self._keeps_both() else [at_first]
        if self._shifts():
            return [transition_between(at_second, at_first, self.timezone)]
        return []

    def _keeps_both(self) -> bool:
        return (self.dst_overlap or ("both" if is_interval_like(self.written_out) else "first")) == "both"

    def _shifts(self) -> bool:
        return (self.dst_gap or ("skip" if is_interval_like(self.written_out) else "shift")) == "shift"

    def _walls_after(self, wall: datetime) -> Iterator[datetime]:
        """Matching wall-clock times after `wall`, as if the zone had no transitions."""
        start = wall.replace(tzinfo=UTC)
        walks = [walk(parsed, start) for parsed in _parsed(self.written_out, self.hash_name)]
        yield from (found for found, _ in groupby(walks[0] if len(walks) == 1 else merge(*walks)))
        raise InvalidInput("cron", f"{self.expression!r} never comes round", "Check day and month")


def walk(parsed: Any, start: datetime) -> Iterator[datetime]:
    """The times of one plain expression after `start`. Parsing costs ten times a step, so each walk is a copy
    of one parsed expression."""
    walk = copy(parsed)
    walk.set_current(start, force=True)
    while True:
        try:
            found: datetime = walk.get_next(datetime)
        except (ValueError, OverflowError):  # no such day within fifty years, or beyond the calendar
            return
        yield found.replace(tzinfo=None)


@lru_cache(maxsize=1024)
def _parsed(expression: str, hash_name: str) -> tuple[Any, ...]:
    """A normalized expression as croniter takes it: some plain ones. Those that never come round, such as a
    31st of February beside a Monday, are left out, because looking for them takes long."""
    parsed = []
    for plain in plain_expressions(expression, hash_name):
        try:
            parsed.append(parsed_plainly(plain))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InvalidInput("cron", f"{expression!r} cannot be read: {error}") from error
    return tuple(one for one in parsed if comes_round(one))


def parsed_plainly(plain: str) -> Any:
    """A plain expression as croniter takes it; for `walk`."""
    from croniter import croniter

    return croniter(plain)


def comes_round(parsed: Any) -> bool:
    """False for what is never due, such as a 31st of February."""
    return any(True for _ in walk(parsed, _SOME_TIME))


def _is_ambiguous(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def transition_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant in ``(before, after]`` with the zone's later offset; whole seconds, by bisection."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)
