"""Counting the times of a cron rule finds what walking from one to the next finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pg_scheduler.domain import cron
from pg_scheduler.domain.cron import CronRule, GapRule, OverlapRule
from pg_scheduler.domain.cron_days import CronDays

EXPRESSIONS = (
    "*/20 * * * *",
    "0 * * * *",
    "30 2 * * *",
    "15,45 0-3 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "0 12 1 * mon",
    "0 6,18 l * *",
    "0 9 * * fri#2,l1",
    "*/30 */4 15-20 * *",
    "0 0 29 2 *",
    "10 1 * * 6 30",
    "H H(0-5) * * *",
)
CHANGES = {
    "Europe/Paris": datetime(2026, 3, 29, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "Antarctica/Troll": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/Santiago": datetime(2026, 9, 6, 4, tzinfo=UTC),
    "Asia/Beirut": datetime(2026, 10, 24, 21, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 30, 10, tzinfo=UTC),
    "America/Toronto": datetime(1919, 3, 31, 4, 30, tzinfo=UTC),
    "UTC": datetime(2026, 1, 1, tzinfo=UTC),
}
"""Zones, and when their clocks change: at midnight in some, across midnight, by half an hour, two hours or a
whole day."""


def walked(rule: CronRule, after: datetime, until: datetime) -> list[datetime]:
    found = []
    while (after := rule.next_after(after)) <= until:
        found.append(after)
    return found


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(sorted(CHANGES)),
    st.sampled_from([None, "shift", "skip"]),
    st.sampled_from([None, "first", "both"]),
    st.integers(-3 * 24 * 60, 2 * 24 * 60),
    st.integers(0, 5 * 24 * 60),
    st.integers(1, 30),
)
@example("30 2 * * *", "Europe/Paris", "shift", None, -60, 3 * 24 * 60, 1)
@example("0 12 * * *", "Pacific/Apia", "shift", None, -24 * 60, 3 * 24 * 60, 2)
@settings(max_examples=150)
def test_what_is_counted_is_what_is_walked(
    expression: str,
    zone: str,
    gap: GapRule | None,
    overlap: OverlapRule | None,
    before: int,
    minutes: int,
    most: int,
) -> None:
    rule = CronRule(expression, ZoneInfo(zone), gap, overlap, "a key")
    after = CHANGES[zone] + timedelta(minutes=before)
    until = after + timedelta(minutes=minutes, seconds=59, microseconds=7)
    expected, days = walked(rule, after, until), CronDays(rule, after, until)
    assert days.count() == len(expected)
    assert days.latest(most) == expected[-most:]


@pytest.mark.parametrize(
    ("expression", "windows"),
    [("* * * * * *", 31_536_000), ("* * * * *", 525_600), ("0 3 * * mon", 52), ("0 0 1 1 *", 1)],
)
def test_a_year_costs_a_step_a_day(expression: str, windows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, begin = CronRule(expression), datetime(2026, 1, 1, tzinfo=UTC)
    days = CronDays(rule, begin - timedelta(seconds=1), begin + timedelta(days=365, seconds=-1))
    monkeypatch.setattr(cron.CronRule, "next_after", None)  # nobody walks from time to time
    monkeypatch.setattr(cron.CronRule, "instants", None)
    assert days.count() == windows
    assert len(days.latest(1)) == 1
