"""What a trigger of APScheduler means here. The classes of 3 and 4 have the same names and nearly the same
attributes, so nothing of either is imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler_import.cron_words import MONTHS, WEEKDAYS, Times
from pg_scheduler_import.foreign import Refused
from pg_scheduler_import.scheduled import Rule, zone_named

_LIMITS = {"month": (1, 12), "day": (1, 31), "day_of_week": (0, 6), "hour": (0, 23), "minute": (0, 59),
           "second": (0, 59)}  # fmt: skip
_MONDAY_FIRST = (*WEEKDAYS[1:], WEEKDAYS[0])
_RANGE = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d+))?", re.ASCII)
_POSITION = re.compile(r"(?P<which>1st|2nd|3rd|4th|5th|last) +(?P<weekday>\w+)", re.ASCII)


def is_single(trigger: Any) -> bool:
    """Whether it is due one time."""
    return type(trigger).__name__ == "DateTrigger"


def rule_of(trigger: Any, first: datetime) -> Rule:
    """The same rule here, of a trigger whose next run is `first`.

    Raises:
        Refused: there is none.
    """
    end = getattr(trigger, "end_date", None) or getattr(trigger, "end_time", None)
    if end is not None:
        raise Refused(f"it ends at {end}, and a schedule here does not end by itself")
    match type(trigger).__name__:
        case "IntervalTrigger":
            return Rule(every=_interval(trigger), anchor=first)
        case "CronTrigger":
            return Rule(cron=_times(field_texts(trigger)).cron, timezone=zone_named(trigger.timezone))
        case "CalendarIntervalTrigger":
            return _calendar(trigger, first.astimezone(trigger.timezone))
        case other:
            raise Refused(f"a {other} has no equivalent here: write schedules of their own")


def _interval(trigger: Any) -> timedelta:
    if isinstance(interval := getattr(trigger, "interval", None), timedelta):
        return interval
    units = ("weeks", "days", "hours", "minutes", "seconds", "microseconds")
    return timedelta(**{unit: getattr(trigger, unit) for unit in units})


def field_texts(trigger: Any) -> dict[str, str]:
    """What each field of a cron trigger allows, as text."""
    # Of what version 4 has stored nothing else comes back.
    fields = trigger.fields if hasattr(trigger, "fields") else trigger._fields
    return {field.name: str(field) for field in fields}


def _times(texts: Mapping[str, str]) -> Times:
    for name in ("year", "week"):
        if texts[name] != "*":
            raise Refused(f"it is limited to {name} {texts[name]}, which a cron expression cannot say")
    items = [item.strip().lower() for item in texts["day"].split(",")]
    positions = [match for item in items if (match := _POSITION.fullmatch(item))]
    special = {"last", *(match[0] for match in positions)}
    days = ",".join(item for item in items if item not in special)
    return Times(
        minutes=_values("minute", texts["minute"]),
        hours=_values("hour", texts["hour"]),
        days=_values("day", days) if days else (),
        months=_values("month", texts["month"]),
        weekdays=[(number + 1) % 7 for number in _values("day_of_week", texts["day_of_week"])],
        seconds=_values("second", texts["second"]),
        last_day="last" in items,
        positions=[_position(match["which"], match["weekday"]) for match in positions],
    )


def _position(which: str, weekday: str) -> str:
    number = WEEKDAYS.index(weekday)
    return f"L{number}" if which == "last" else f"{number}#{which[0]}"


def _values(name: str, text: str) -> Collection[int]:
    """The numbers that a list of values, ranges and steps means; weekdays from 0, Monday."""
    found = set[int]()
    first, last = _LIMITS[name]
    for item in text.lower().split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None:
            raise Refused(f"its {name} {item!r} cannot be read")
        step = int(match["step"] or 1)
        if match["low"] == "*":
            found |= set(range(first, last + 1, step))
            continue
        low = _number(name, match["low"])
        high = _number(name, match["high"]) if match["high"] else last if match["step"] else low
        found |= set(range(low, high + 1, step))
    return found


def _number(name: str, text: str) -> int:
    names = {"month": MONTHS, "day_of_week": _MONDAY_FIRST}.get(name, ())
    if text[:3] in names:
        return names.index(text[:3]) + (name == "month")
    if not text.isdigit():
        raise Refused(f"its {name} {text!r} cannot be read")
    return int(text)


def _calendar(trigger: Any, first: datetime) -> Rule:
    """Every day, week, so many months or years, at a time of day."""
    months = trigger.years * 12 + trigger.months
    days = trigger.weeks * 7 + trigger.days
    at: dict[str, Any] = {"minutes": [first.minute], "hours": [first.hour], "seconds": [first.second]}
    zone = zone_named(trigger.timezone)
    if (months, days) == (0, 1):
        return Rule(cron=Times(**at).cron, timezone=zone)
    if (months, days) == (0, 7):
        return Rule(cron=Times(**at, weekdays=[first.isoweekday() % 7]).cron, timezone=zone)
    if days == 0 and months and 12 % months == 0:
        due = [(first.month - 1 + number) % 12 + 1 for number in range(0, 12, months)]
        return Rule(cron=Times(**at, days=[first.day], months=due).cron, timezone=zone)
    if months == 0 and zone == "UTC":
        return Rule(every=timedelta(days=days), anchor=first)
    raise Refused(f"its interval of {months} months and {days} days in {zone} has no equivalent here")
