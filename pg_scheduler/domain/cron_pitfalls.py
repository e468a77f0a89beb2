"""Cron expressions that mean something else than they look."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STEP = re.compile(r"\*/(\d{1,3})")
_ANY = ("*", "?")


def pitfalls_of(expression: str) -> list[str]:
    """What people overlook about an expression of five fields, in words; nothing about others."""
    fields = expression.split()
    return list(_pitfalls(*fields)) if len(fields) == 5 else []


def _pitfalls(minute: str, hour: str, day: str, month: str, weekday: str) -> Iterator[str]:
    if not day.startswith(_ANY) and not weekday.startswith(_ANY):
        yield (
            f"it runs on days of the month {day}, and on weekdays {weekday} as well: "
            "a day that matches either of the two is enough"
        )
    for name, field, whole in (("minutes", minute, 60), ("hours", hour, 24)):
        found = _STEP.fullmatch(field)
        step = int(found[1]) if found is not None else 0
        if step and whole % step:
            last = (whole - 1) // step * step
            rest = f"it begins anew at 0, {whole - last} {name} after {last}"
            yield f"it does not run every {step} {name}: {rest}"
    if day in ("29", "30", "31") and month in _ANY:
        yield f"it runs only in months that have a day {day}"
    if minute == "*" and hour not in _ANY:
        yield f"it runs in every minute of the hours {hour}"
