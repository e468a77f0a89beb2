"""Window math: the due UTC instants of an interval, equal on every replica."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.errors import InvalidInput, shown

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _check(every: timedelta) -> None:
    if not isinstance(every, timedelta) or every <= timedelta(0):
        raise InvalidInput("every", f"expected a timedelta > 0, got {shown(every)}")


def window_at(moment: datetime, every: timedelta, anchor: datetime = EPOCH) -> datetime:
    """Start of the window that holds `moment`: the last ``anchor + k * every`` not after it.

    Integer arithmetic on microseconds, so no window drifts however far from the anchor.

    Raises:
        InvalidInput: the window starts where no date is.
    """
    _check(every)
    try:
        return anchor + (moment - anchor) // every * every
    except OverflowError:
        raise InvalidInput(
            "window", f"the one of {every} that holds {moment} starts outside the years 1 to 9999"
        ) from None


def next_window(after: datetime, every: timedelta, anchor: datetime = EPOCH) -> datetime:
    """The first window strictly after `after`."""
    return window_at(after, every, anchor) + every


def windows_between(after: datetime, until: datetime, every: timedelta, anchor: datetime = EPOCH) -> int:
    """How many windows lie in the half-open range ``after < window <= until``; 0 if it is empty."""
    _check(every)
    return max(0, (until - anchor) // every - (after - anchor) // every)
