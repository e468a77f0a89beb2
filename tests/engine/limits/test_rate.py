"""The arithmetic of rates, by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.domain.limits import burst_of, refilled_after, tokens, until_token
from tests.chaos.limits.findings import most_in_a_second

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
RATES = st.sampled_from([0.25, 1.0, 3.0, 10.0, 50.0, 333.0])


@given(rate=RATES, pauses=st.lists(st.floats(0, 1.5), max_size=60))
def test_however_it_is_asked_no_second_sees_more_than_the_rate_and_its_burst(
    rate: float, pauses: list[float]
) -> None:
    now, refilled_at, starts = NOON, None, list[float]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        if (free := int(tokens(rate, refilled_at, now) + 1e-6)) > 0:
            refilled_at = refilled_after(rate, refilled_at, now, free)
            starts += [(now - NOON).total_seconds()] * free
    assert most_in_a_second(starts) <= rate + burst_of(rate) + 1e-3


@given(rate=RATES)
def test_who_takes_what_is_there_as_soon_as_it_is_there_gets_the_whole_rate(rate: float) -> None:
    now, refilled_at = NOON, None
    for _ in range(100):
        now += until_token(rate, refilled_at, now) + timedelta(microseconds=1)
        refilled_at = refilled_after(rate, refilled_at, now, 1)
    assert (now - NOON).total_seconds() <= 100 / rate + 0.001


def test_a_clock_that_was_set_back_makes_an_empty_bucket_and_nothing_worse() -> None:
    ahead = NOON + timedelta(days=1)
    assert tokens(2.0, ahead, NOON) == 0
    assert until_token(2.0, ahead, NOON) == timedelta(seconds=0.5)
    assert refilled_after(2.0, ahead, NOON, 1) == NOON + timedelta(seconds=1)
