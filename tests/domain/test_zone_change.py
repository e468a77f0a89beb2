"""A window that was computed with other zone data: what it is by the data of today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pg_scheduler.domain.cron import CronRule
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.domain.zone_change import FARTHEST_MOVE, present_window

SECOND = timedelta(seconds=1)
EXPRESSIONS = ["0 9 1 * *", "0 9 * * *", "30 2 * * *", "*/20 * * * *", "0 9,10 * * *", "5 */6 * * MON"]
ZONES = [*(f"Etc/GMT{hours:+}" for hours in range(-14, 13)), "Asia/Kolkata", "Europe/Paris"]


def spec(cron: str, zone: str) -> ScheduleSpec:
    return ScheduleSpec(cron=CronRule(cron, ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("cron", "mark", "stored", "right"),
    [
        # The zone went from +3 to +2 (here it is at +2): nine o'clock is an hour later.
        ("0 9 1 * *", None, "2030-02-01 06:00", "2030-02-01 07:00"),
        ("0 9 * * *", "2030-02-03 06:00", "2030-02-04 06:00", "2030-02-04 07:00"),
        # From +1 to +2: an hour earlier.
        ("0 9 * * *", "2030-02-03 08:00", "2030-02-04 08:00", "2030-02-04 07:00"),
        # Nothing has changed.
        ("0 9 * * *", "2030-02-03 07:00", "2030-02-04 07:00", "2030-02-04 07:00"),
        ("*/15 * * * *", "2030-02-03 07:00", "2030-02-03 07:15", "2030-02-03 07:15"),
        # By the new rule the nearest has been decided about.
        ("0 9,12 * * *", "2030-02-03 07:00", "2030-02-03 08:00", "2030-02-03 10:00"),
    ],
)
def test_the_same_local_time_is_run_once(cron: str, mark: str | None, stored: str, right: str) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    subject = spec(cron, "Etc/GMT-2")
    assert present_window(subject, at(stored), at(mark) if mark else None) == at(right)


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.sampled_from(ZONES),
    st.integers(0, 400 * 86_400),
    st.booleans(),
)
@settings(max_examples=60)
def test_it_is_a_window_of_today_after_the_mark_and_not_far_from_the_stored_one(
    cron: str, before: str, today: str, seconds: int, ran_before: bool
) -> None:
    old, new = spec(cron, before), spec(cron, today)
    mark = old.next_after(datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    stored = old.next_after(mark)
    present = present_window(new, stored, mark if ran_before else None)
    assert present == new.next_after(present - SECOND)
    assert not ran_before or present > mark
    if mark < stored - FARTHEST_MOVE:
        assert abs(present - stored) <= FARTHEST_MOVE


def test_an_interval_has_no_zone() -> None:
    stored = datetime(2030, 1, 1, 0, 7, tzinfo=UTC)
    assert present_window(ScheduleSpec(every=timedelta(hours=1)), stored, None) == stored
