"""Window math: the same instants on every replica, for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import InvalidInput
from pg_scheduler.domain.windows import EPOCH, next_window, window_at, windows_between

MICROSECOND = timedelta(microseconds=1)
# A window's start lies up to one interval before its moment, so both stay clear of the year 1.
moments = st.timedeltas(timedelta(days=-280_000), timedelta(days=2_500_000)).map(EPOCH.__add__)
intervals = st.timedeltas(MICROSECOND, timedelta(days=36_525))
anchors = st.timedeltas(timedelta(days=-60_000), timedelta(days=80_000)).map(EPOCH.__add__)


@given(moments, intervals, anchors)
def test_a_window_holds_its_moment_and_is_aligned_to_the_microsecond(
    moment: datetime, every: timedelta, anchor: datetime
) -> None:
    start = window_at(moment, every, anchor)
    assert start <= moment < start + every
    assert (start - anchor) % every == timedelta(0)


@given(moments, intervals, anchors)
def test_the_next_window_is_later_and_the_very_next(
    moment: datetime, every: timedelta, anchor: datetime
) -> None:
    following = next_window(moment, every, anchor)
    assert moment < following <= moment + every
    assert window_at(following, every, anchor) == following
    assert window_at(following - MICROSECOND, every, anchor) == following - every


@given(moments, intervals)
def test_going_from_window_to_window_never_stands_still_nor_skips(moment: datetime, every: timedelta) -> None:
    start = window_at(moment, every)
    assert next_window(start, every) - start == every


@given(moments, intervals, st.integers(-50, 50))
def test_counting_agrees_with_going(moment: datetime, every: timedelta, steps: int) -> None:
    every = min(every, timedelta(days=30))
    until = moment + every * steps
    assert windows_between(moment, until, every) == max(0, steps)
    assert windows_between(moment, moment, every) == 0


@given(moments, intervals, st.integers(-14 * 60, 14 * 60))
def test_the_window_does_not_depend_on_how_the_moment_is_written(
    moment: datetime, every: timedelta, minutes: int
) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert window_at(elsewhere, every) == window_at(moment, every)


def test_windows_before_the_anchor_start_before_their_moments_too() -> None:
    moment = EPOCH - MICROSECOND
    assert window_at(moment, timedelta(hours=1)) == EPOCH - timedelta(hours=1)
    assert next_window(moment, timedelta(hours=1)) == EPOCH


def test_a_window_is_exact_eight_thousand_years_from_the_anchor() -> None:
    """A float of seconds has lost its microseconds by then; 7 divides no power of ten."""
    every = timedelta(microseconds=7)
    moment = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    start = window_at(moment, every)
    assert moment - start < every
    assert (start - EPOCH) // MICROSECOND % 7 == 0


@pytest.mark.parametrize("every", [timedelta(0), timedelta(seconds=-1), 60, None])
def test_an_interval_must_be_a_positive_duration(every: timedelta) -> None:
    with pytest.raises(InvalidInput, match="every: expected a timedelta > 0"):
        window_at(EPOCH, every)
    with pytest.raises(InvalidInput, match="every: expected a timedelta > 0"):
        windows_between(EPOCH, EPOCH, every)


def test_a_window_that_would_start_before_all_dates_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"window: .* outside the years 1 to 9999"):
        window_at(datetime(1900, 1, 1, tzinfo=UTC), timedelta.max)
