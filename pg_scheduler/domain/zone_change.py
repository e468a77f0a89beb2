"""A window that was computed with zone data, or by an earlier version's rules, that hold no longer.

The next window of a schedule is stored. Governments move clocks with weeks of notice, so by the time it comes
the same local time may be another instant. Computing it anew from the mark would be wrong as well: the mark,
too, is an instant of the old data, and the local day that it was for could seem to be still ahead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pg_scheduler.domain.schedule import ScheduleSpec

FARTHEST_MOVE = timedelta(hours=25)
"""No zone has moved its clocks by more: Samoa left out a whole day."""
_SECOND = timedelta(seconds=1)


def present_window(spec: ScheduleSpec, stored: datetime, mark: datetime | None) -> datetime:
    """The window that `stored` is by the rules of today: mostly itself, else the nearest after the mark."""
    if spec.cron is None:
        return stored
    if spec.next_after(stored - _SECOND) == stored:
        return stored
    earliest = stored - FARTHEST_MOVE
    before, found = None, spec.next_after(earliest if mark is None else max(earliest, mark))
    while found < stored:
        before, found = found, spec.next_after(found)
    if before is None or found - stored < stored - before:
        return found
    return before
