"""The arithmetic of rates, by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.domain.limits import (
    LaneState,
    burst_of,
    noted,
    refilled_after,
    tokens,
    until_token,
    waits_from,
    worth_noting,
)
from tests.chaos.limits.findings import most_in_a_second

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
RATES = st.sampled_from([0.25, 1.0, 3.0, 10.0, 50.0, 333.0])


@given(rate=RATES, pauses=st.lists(st.floats(0, 1.5), max_size=60))
def test_however_it_is_asked_no_second_sees_more_than_the_rate_and_its_burst(
    rate: float, pauses: list[float]
) -> None:
    now, lane, starts = NOON, None, list[float]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        if (free := int(tokens(rate, lane, now) + 1e-6)) > 0:
            lane = LaneState(now, refilled_after(rate, lane, now, free))
            starts += [(now - NOON).total_seconds()] * free
    assert most_in_a_second(starts) <= rate + burst_of(rate) + 1e-3


@given(rate=RATES)
def test_who_takes_what_is_there_as_soon_as_it_is_there_gets_the_whole_rate(rate: float) -> None:
    now, lane = NOON, None
    for _ in range(100):
        now += until_token(rate, lane, now) + timedelta(microseconds=1)
        lane = LaneState(now, refilled_after(rate, lane, now, 1))
    assert (now - NOON).total_seconds() <= 100 / rate + 0.001


def test_a_clock_that_was_set_back_makes_an_empty_bucket_and_nothing_worse() -> None:
    tomorrow = NOON + timedelta(days=1)
    ahead = LaneState(tomorrow, tomorrow + timedelta(seconds=0.5))
    assert tokens(2.0, ahead, NOON) == 0
    assert until_token(2.0, ahead, NOON) == timedelta(seconds=0.5)
    assert refilled_after(2.0, ahead, NOON, 1) == NOON + timedelta(seconds=1)


def test_after_one_look_the_bucket_fills_by_the_clock_as_it_is_now() -> None:
    tomorrow = NOON + timedelta(days=1)
    ahead = LaneState(tomorrow, tomorrow + timedelta(seconds=0.5))
    assert worth_noting(ahead, NOON, full=False)
    lane = noted(ahead, 2.0, NOON, full=False)
    assert tokens(2.0, lane, NOON + timedelta(seconds=0.25)) == 0.5
    assert tokens(2.0, lane, NOON + timedelta(seconds=0.5)) == 1


@given(before=RATES, after=RATES, since=st.floats(0, 10))
def test_a_rate_that_was_changed_holds_from_the_last_start_on(
    before: float, after: float, since: float
) -> None:
    lane = LaneState(NOON, refilled_after(before, None, NOON, 1))
    now = NOON + timedelta(seconds=since)
    assert until_token(after, lane, now) <= timedelta(seconds=max(1 / after, 0.1))


def test_from_one_an_hour_to_ten_a_second_is_felt_at_once() -> None:
    lane = LaneState(NOON, refilled_after(1 / 3600, None, NOON, 1))
    assert until_token(1 / 3600, lane, NOON + timedelta(seconds=60)) == timedelta(minutes=59)
    assert tokens(10.0, lane, NOON + timedelta(seconds=60)) == 1


@given(rate=RATES, since=st.floats(0, 20))
def test_a_job_waits_from_the_token_on_that_it_waited_for(rate: float, since: float) -> None:
    lane = LaneState(NOON, refilled_after(rate, None, NOON, int(burst_of(rate))))
    now = NOON + timedelta(seconds=since)
    from_then = waits_from(rate, lane, None, now)
    assert from_then is not None
    assert abs(from_then - (NOON + until_token(rate, lane, NOON))) <= timedelta(microseconds=10)


@given(st.sampled_from([None, -20, -14, 0, 5]), st.booleans())
def test_a_full_lane_is_noted_now_and_then(noted_at: int | None, full: bool) -> None:
    full_at = None if noted_at is None else NOON + timedelta(seconds=noted_at)
    lane = LaneState(NOON - timedelta(hours=1), None, full_at)
    assert worth_noting(lane, NOON, full=full) == (full and noted_at not in (-14, 0))


def test_a_look_that_began_before_what_it_sees_gives_no_token_back() -> None:
    lane = LaneState(NOON + timedelta(seconds=0.2), NOON + timedelta(seconds=0.3))
    assert not worth_noting(lane, NOON, full=False)
    assert noted(lane, 60.0, NOON, full=True) == LaneState(lane.claimed_at, lane.refilled_at, NOON)
