"""A rule here means what it means there: its runs are compared with those of the real library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from celery.schedules import crontab, schedule

from pg_scheduler_import.apscheduler import _runs
from pg_scheduler_import.apscheduler_triggers import rule_of
from pg_scheduler_import.celery_schedules import recurring
from pg_scheduler_import.comparing import Compared, compared
from pg_scheduler_import.foreign import Refused
from pg_scheduler_import.scheduled import Recurring, Rule

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2030, 1, 15, 12, tzinfo=UTC)


def of_apscheduler(trigger: Any) -> tuple[Rule, Compared]:
    first = trigger.get_next_fire_time(None, NOW)
    rule = rule_of(trigger, first)
    return rule, compared(Recurring(rule, (), {}, partial(_runs, trigger, first)))


def of_celery(**fields: str) -> tuple[Rule, Compared]:
    made = crontab(**fields)
    made.tz = NEW_YORK  # not that of any app
    wanted = recurring(made, (), {}, start=NOW)
    return wanted.rule, compared(wanted)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hour": 3, "minute": 30}, "30 3 * * *"),
        ({"hour": "*/2", "day_of_week": "mon-fri"}, "0 */2 * * 1-5"),
        ({"day_of_week": "0,6", "hour": 9}, "0 9 * * 0,1"),
        ({"second": "*/20", "hour": "8-10"}, "* 8-10 * * * */20"),
        ({"day": "last"}, "0 0 L * *"),
        ({"day": "2nd fri, last sun", "hour": 7}, "0 7 * * 5#2,L0"),
        ({"day": "1, 3rd mon", "month": "jan-mar", "hour": 7}, "0 7 1 1-3 1#3"),
        ({"day": "8-14", "day_of_week": "tue", "hour": 7}, "0 7 * * 2#2"),
        ({"day": "5/10", "minute": "7-59/13"}, "7,20,33,46,59 * 5,15,25 * *"),
    ],
    ids=str,
)
def test_apschedulers_cron_trigger_becomes_an_expression(fields: dict[str, Any], expected: str) -> None:
    """Weekdays count from Monday there, and the fields before those given are free."""
    rule, found = of_apscheduler(CronTrigger(**fields, timezone=BERLIN))
    assert (rule.cron, rule.timezone) == (expected, "Europe/Berlin")
    assert found.there == found.here


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"days": 1, "hour": 4}, "0 4 * * *"),
        ({"weeks": 1, "hour": 4, "minute": 5}, "5 4 * * 2"),
        ({"months": 3, "hour": 4}, "0 4 1 */3 *"),
        ({"years": 1, "hour": 4}, "0 4 1 1 *"),
    ],
    ids=str,
)
def test_apschedulers_calendar_intervals_become_expressions(settings: dict[str, Any], expected: str) -> None:
    trigger = CalendarIntervalTrigger(**settings, start_date="2030-01-01", timezone=BERLIN)
    assert of_apscheduler(trigger)[0].cron == expected


def test_an_interval_keeps_its_phase() -> None:
    start = NOW + timedelta(minutes=7, microseconds=5)
    rule, found = of_apscheduler(IntervalTrigger(hours=5, start_date=start, timezone=BERLIN))
    assert (rule.every, rule.anchor) == (timedelta(hours=5), start)
    assert found.here == [start + number * timedelta(hours=5) for number in range(5)]


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        (CronTrigger(year="2031", timezone=BERLIN), "limited to year 2031"),
        (CronTrigger(week="5", timezone=BERLIN), "limited to week 5"),
        (CronTrigger(day="1", day_of_week="mon", timezone=BERLIN), "a certain day of the month"),
        (CronTrigger(day="last", day_of_week="mon", timezone=BERLIN), "a certain day of the month"),
        (CronTrigger(hour=1, end_date=NOW + timedelta(days=9), timezone=BERLIN), "it ends at"),
        (OrTrigger([IntervalTrigger(hours=1, timezone=BERLIN)]), "a OrTrigger has no equivalent"),
        (CalendarIntervalTrigger(days=2, timezone=BERLIN), "2 days in Europe/Berlin has no equivalent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_schedule_here_cannot_say_is_refused(trigger: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        of_apscheduler(trigger)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"minute": "*/15"}, "*/15 * * * *"),
        ({"minute": "0", "hour": "2,14", "day_of_week": "sun"}, "0 2,14 * * 0"),
        ({"minute": "0", "hour": "8", "day_of_month": "1-7,15-21", "day_of_week": "1"}, "0 8 * * 1#1,1#3"),
        ({"minute": "30", "hour": "6", "month_of_year": "*/3"}, "30 6 * */3 *"),
    ],
    ids=str,
)
def test_celerys_crontab_becomes_an_expression(fields: dict[str, str], expected: str) -> None:
    rule, found = of_celery(**fields)
    assert (rule.cron, rule.timezone) == (expected, "America/New_York")
    assert found.there == found.here


def test_what_the_clocks_do_is_what_they_do_there_or_is_told() -> None:
    """Half past two is skipped there in spring, or put elsewhere: the rule that agrees is taken."""
    _, found = of_apscheduler(CronTrigger(hour=2, minute=30, timezone=BERLIN))
    assert found.dst_gap or found.dst_overlap or found.note
    rule, other = of_celery(minute="30", hour="2")
    assert rule.cron == "30 2 * * *"
    assert other.there == other.here


def test_a_rule_whose_next_runs_differ_is_refused() -> None:
    def runs() -> list[datetime]:
        return [NOW + timedelta(hours=number) for number in (0, 1, 2, 4, 5)]

    with pytest.raises(Refused, match="it would run at 2030-01-15 15:00:00"):
        compared(Recurring(Rule(every=timedelta(hours=1), anchor=NOW), (), {}, runs))


def test_an_interval_of_celerys_goes_on_in_its_phase() -> None:
    last = datetime.now(UTC) - timedelta(minutes=50)
    wanted = recurring(schedule(timedelta(hours=1)), (), {}, last=last)
    assert compared(wanted).here[0] == last + timedelta(hours=1)
    assert wanted.goes_on_at is None
