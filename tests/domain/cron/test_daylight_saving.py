"""What daylight saving does to a schedule, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pg_scheduler.domain.cron import CronRule

GAP_DAY = datetime(2026, 3, 8, tzinfo=ZoneInfo("America/New_York"))
OVERLAP_DAY = datetime(2026, 11, 1, tzinfo=ZoneInfo("America/New_York"))


def due_on(rule: CronRule, day: datetime) -> list[str]:
    """Local times, with their offset, at which a rule is due on one local day."""
    moment, end = day.astimezone(UTC) - timedelta(seconds=1), (day + timedelta(days=1)).astimezone(UTC)
    found = []
    while (moment := rule.next_after(moment)) < end:
        found.append(moment.astimezone(day.tzinfo).strftime("%H:%M%z"))
    return found


def rule(expression: str, zone: str = "America/New_York", **options: str) -> CronRule:
    return CronRule(expression, ZoneInfo(zone), **options)  # type: ignore[arg-type]


def test_a_wall_clock_time_in_the_gap_happens_at_the_gaps_end() -> None:
    assert due_on(rule("30 2 * * *"), GAP_DAY) == ["03:00-0400"]


def test_a_gap_that_swallows_two_times_gives_one_window() -> None:
    assert due_on(rule("0,30 2,3 * * *"), GAP_DAY) == ["03:00-0400", "03:30-0400"]


def test_an_interval_invents_nothing_in_the_gap() -> None:
    assert due_on(rule("*/30 2 * * *"), GAP_DAY) == []


def test_a_wall_clock_time_that_happens_twice_is_due_once_the_first_time() -> None:
    assert due_on(rule("30 1 * * *"), OVERLAP_DAY) == ["01:30-0400"]
    london = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/London"))
    assert due_on(rule("30 1 * * *", "Europe/London"), london) == ["01:30+0100"]


def test_whoever_asks_in_the_repeated_hour_is_not_given_its_time_again() -> None:
    # Somebody resumes or adds a schedule at the second 01:15: 01:30 has been, an hour ago.
    second_pass = datetime(2026, 11, 1, 6, 15, tzinfo=UTC)
    found = rule("30 1 * * *").next_after(second_pass).astimezone(OVERLAP_DAY.tzinfo)
    assert found.strftime("%d %H:%M") == "02 01:30"


def test_an_hourly_interval_is_due_every_real_hour() -> None:
    assert len(due_on(rule("0 * * * *"), OVERLAP_DAY)) == 25
    assert len(due_on(rule("0 * * * *"), GAP_DAY)) == 23


def test_half_hour_daylight_saving_keeps_every_real_occurrence() -> None:
    day = datetime(2026, 4, 5, tzinfo=ZoneInfo("Australia/Lord_Howe"))
    due = due_on(rule("33 * * * *", "Australia/Lord_Howe"), day)
    assert due[:4] == ["00:33+1100", "01:33+1100", "01:33+1030", "02:33+1030"]


def test_a_day_that_never_was_is_a_gap() -> None:
    apia = rule("0 12 * * *", "Pacific/Apia")
    before = datetime(2011, 12, 29, 12, tzinfo=ZoneInfo("Pacific/Apia"))
    first = apia.next_after(before)
    assert first.astimezone(apia.timezone) == datetime(2011, 12, 31, tzinfo=apia.timezone)
    assert apia.next_after(first).astimezone(apia.timezone).hour == 12


def test_the_rules_can_be_overridden() -> None:
    assert due_on(rule("30 2 * * *", dst_gap="skip"), GAP_DAY) == []
    assert due_on(rule("*/30 2 * * *", dst_gap="shift"), GAP_DAY) == ["03:00-0400"]
    assert due_on(rule("30 1 * * *", dst_overlap="both"), OVERLAP_DAY) == ["01:30-0400", "01:30-0500"]
    assert due_on(rule("*/30 1 * * *", dst_overlap="first"), OVERLAP_DAY) == ["01:00-0400", "01:30-0400"]


@pytest.mark.parametrize("expression", ["0 * * * *", "30 1,2 * * *", "*/7 * * * *", "* * * * * */20"])
def test_windows_strictly_increase_through_both_changes(expression: str) -> None:
    for day in (GAP_DAY, OVERLAP_DAY):
        subject, moment = rule(expression), day.astimezone(UTC)
        for _ in range(200):
            following = subject.next_after(moment)
            assert following > moment
            assert following.microsecond == 0
            assert following.tzinfo is UTC
            moment = following
