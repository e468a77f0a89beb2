"""Durations as people say them: ``4 min``."""

from __future__ import annotations

from datetime import timedelta

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def age_shown(age: timedelta | None) -> str:
    """The age in its largest unit, rounded down; a dash for None."""
    if age is None:
        return "-"
    seconds = max(age.total_seconds(), 0.0)
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{seconds:.0f} s"
