"""Expressions that look right and are not: each is refused with what to write instead."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pg_scheduler.domain.cron import CronRule, zone_of
from pg_scheduler.domain.errors import InvalidInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        pytest.param("*/10 * * * * *", "'* * * * * */10'", id="seconds come last"),
        pytest.param("0 0 31 2 *", "never comes round", id="a day that no year has"),
        pytest.param("R * * * *", "Use H", id="random per process"),
        pytest.param("R(0-10) * * * *", "Use H", id="random in a range"),
        pytest.param("* * * *", "minute hour day month day-of-week", id="too few fields"),
        pytest.param("0 0 1 1 * 0 2030", "minute hour day month day-of-week", id="a year field"),
        pytest.param("", "minute hour day month day-of-week", id="empty"),
        pytest.param("@reboot", "@daily", id="an alias of something else"),
        pytest.param("60 * * * *", "cannot be read", id="minute 60"),
        pytest.param("0-59999999 * * * *", "no field can have", id="an endless range"),
        pytest.param("*/0 * * * *", "cannot be read", id="step zero"),
        pytest.param("a b c d e", "cannot be read", id="words"),
        pytest.param("0," * 200 + "0 * * * *", "limit is 255", id="too long"),
        pytest.param(5, "expected a str", id="a number"),
    ],
)
def test_a_trap_is_refused_with_advice(expression: object, advice: str) -> None:
    with pytest.raises(InvalidInput, match="cron") as refused:
        CronRule(expression)  # type: ignore[arg-type]
    assert advice in str(refused.value)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "America", "../../etc/passwd", "Europe/Paris\x00", 7])
def test_an_unknown_zone_is_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="Invalid timezone"):
        zone_of(name)  # type: ignore[arg-type]


def test_a_zone_may_be_an_object_a_name_or_left_out() -> None:
    paris = ZoneInfo("Europe/Paris")
    assert zone_of(paris) is paris
    assert zone_of("Europe/Paris") is paris
    assert zone_of(None).key == "UTC"


def test_hashed_fields_are_fixed_by_the_schedules_name() -> None:
    first = CronRule("H H * * *", hash_name="reports").next_after(NOW)
    assert CronRule("H H * * *", hash_name="reports").next_after(NOW) == first
    others = {CronRule("H H * * *", hash_name=f"job {n}").next_after(NOW) for n in range(20)}
    assert len(others) > 10


def test_aliases_mean_what_they_always_meant() -> None:
    assert CronRule("@daily").next_after(NOW) == datetime(2026, 1, 2, tzinfo=UTC)
    assert CronRule("@hourly").next_after(NOW) == datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert CronRule("@weekly").next_after(NOW) == datetime(2026, 1, 4, tzinfo=UTC)


def test_seconds_are_the_last_field() -> None:
    rule = CronRule("* * * * * */10")
    assert rule.next_after(NOW) == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)


def test_day_of_month_and_day_of_week_are_ored() -> None:
    rule = CronRule("0 0 13 * FRI")
    first = rule.next_after(NOW)
    assert first == datetime(2026, 1, 2, tzinfo=UTC)
    assert rule.next_after(datetime(2026, 1, 12, tzinfo=UTC)) == datetime(2026, 1, 13, tzinfo=UTC)


def test_a_moment_within_a_second_counts_as_that_second() -> None:
    rule = CronRule("* * * * *")
    assert rule.next_after(datetime(2026, 1, 1, 0, 0, 59, 999999, tzinfo=UTC)) == datetime(
        2026, 1, 1, 0, 1, tzinfo=UTC
    )
