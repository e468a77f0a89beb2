"""What each field means: a model of our own counts, croniter and the parser before it must find the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pg_scheduler.domain.cron import CronRule
from pg_scheduler.domain.errors import InvalidInput
from tests.domain.cron.expressions import Expression, expressions

MONDAY = datetime(2030, 1, 7, tzinfo=UTC)


def first_runs(cron: str, count: int, after: datetime = MONDAY - timedelta(seconds=1)) -> list[datetime]:
    """The first due times, in UTC."""
    rule, found = CronRule(cron, hash_name="some key"), []
    for _ in range(count):
        after = rule.next_after(after)
        found.append(after)
    return found


def shown(cron: str, count: int, form: str) -> str:
    """The first due times, as text."""
    return " ".join(f"{run:{form}}" for run in first_runs(cron, count))


@settings(max_examples=60)
@given(expressions(), st.integers(0, 13_500), st.integers(0, 86_399))
def test_every_field_means_what_counting_by_hand_gives(expression: Expression, day: int, second: int) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second)
    wanted = list(islice(expression.after(start, days=800), 5))
    if len(wanted) < 5:  # once in some years, or never: compared as far as the model went
        try:
            found = first_runs(expression.text, len(wanted) + 1, start)
        except InvalidInput:
            assert not wanted
            return
        assert found[:-1] == wanted, expression.text
        assert found[-1] >= start + timedelta(days=798)
    else:
        assert first_runs(expression.text, 5, start) == wanted, expression.text


@pytest.mark.parametrize(
    ("cron", "in_a_week"),
    [
        ("5-5 0 * * *", 7),
        ("0 3-3 * * *", 7),
        ("0 0 7-7 * *", 1),
        ("0 0 * JAN-JAN MON-MON", 1),
        ("0 0 * * TUE-TUE", 1),
        ("0 0 * * 7-7", 1),
        ("0 0 * * 7-0", 1),
        ("0 0 * * 7-1", 2),
        ("0 0 8 * * 0-0", 1),
        ("5,6-6 0 * * *", 14),
        ("5-5/5 0 * * *", 7),
        ("H(4-4) 0 * * *", 7),
        ("0 0 * * MON-TUE,SAT-SUN", 4),
        ("0 0 * * 0-7", 7),
        ("0 0 * * 5-7/2", 2),
    ],
)
def test_a_range_from_a_value_to_itself_is_that_value(cron: str, in_a_week: int) -> None:
    runs = first_runs(cron, in_a_week + 1)
    assert runs[-2] < MONDAY + timedelta(days=7) <= runs[-1]


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 9 15 * 5", "Fri11.01 Tue15.01 Fri18.01 Fri25.01 Fri01.02 Fri08.02"),
        ("0 9 15 * 5#3", "Tue15.01 Fri18.01 Fri15.02 Fri15.03 Mon15.04 Fri19.04"),
        ("0 9 L * L5", "Fri25.01 Thu31.01 Fri22.02 Thu28.02 Fri29.03 Sun31.03"),
        ("0 9 15W * MON", "Mon07.01 Mon14.01 Tue15.01 Mon21.01 Mon28.01 Mon04.02"),
        ("0 9 * * 5,L5", "Fri11.01 Fri18.01 Fri25.01 Fri01.02 Fri08.02 Fri15.02"),
        ("0 9 * * 1,5#3", "Mon07.01 Mon14.01 Fri18.01 Mon21.01 Mon28.01 Mon04.02"),
        ("0 9 15 * L5", "Tue15.01 Fri25.01 Fri15.02 Fri22.02 Fri15.03 Fri29.03"),
        ("0 9 1,15W * *", "Tue15.01 Fri01.02 Fri15.02 Fri01.03 Fri15.03 Mon01.04"),
        ("0 9 31 2 MON", "Mon04.02 Mon11.02 Mon18.02 Mon25.02 Mon03.02 Mon10.02"),
        ("0 9 */1 * MON", "Mon07.01 Mon14.01 Mon21.01 Mon28.01 Mon04.02 Mon11.02"),
    ],
)
def test_of_a_day_of_month_and_any_kind_of_weekday_either_is_enough(cron: str, days: str) -> None:
    assert shown(cron, 6, "%a%d.%m") == days


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("0 23-5/3 * * *", "02:00 05:00 23:00 02:00"),
        ("50-10/15 * * * *", "00:05 00:50 01:05 01:50"),
        ("59/15 * * * *", "00:59 01:59 02:59 03:59"),
        ("22/9 * * * *", "00:22 00:31 00:40 00:49"),
        ("*/60 * * * *", "00:00 01:00 02:00 03:00"),
        ("0 20/6 * * *", "20:00 20:00 20:00 20:00"),
    ],
)
def test_steps_are_counted_over_the_fields_end_and_from_where_they_begin(cron: str, times: str) -> None:
    assert shown(cron, 4, "%H:%M") == times


def test_thirty_days_and_the_last_one_are_not_every_day() -> None:
    assert shown("0 0 2-31,L * *", 28, "%d").endswith("29 30 31 02 03 04")


def test_months_and_weekdays_are_counted_over_the_end_too() -> None:
    assert shown("0 0 1 11-2/3 *", 3, "%d.%m") == "01.02 01.11 01.02"
    assert shown("0 0 1 DEC/3 *", 2, "%d.%m") == "01.12 01.12"
    assert shown("0 0 * * FRI-TUE/2", 3, "%a") == "Tue Fri Sun"


@pytest.mark.parametrize(
    ("cron", "advice"),
    [
        ("*/90 * * * *", "every=timedelta(minutes=90)"),
        ("0 */36 * * *", "every=timedelta(hours=36)"),
        ("0 0 */40 * *", "every=timedelta(days=40)"),
        ("0 0 1 */18 *", "the months"),
        ("0 0 * * */14", "every=timedelta(days=14)"),
        ("0 0 * * * */90", "every=timedelta(seconds=90)"),
        ("5/61 * * * *", "every=timedelta(minutes=61)"),
        ("0-9/61 * * * *", "every=timedelta(minutes=61)"),
        ("H/90 * * * *", "every=timedelta(minutes=90)"),
        ("0 0 25-5/3 * *", "such as 3,25,28,31"),
        ("0 9 * * 5#6", "'5#6' is no day of week"),
        ("0 9 32W * *", "day of month 32 is not in 1-31"),
        ("0 9 * * MONDAY", "'monday' is no day of week"),
        ("0 24 * * *", "hour 24 is not in 0-23"),
        ("0 0 0 * *", "day of month 0 is not in 1-31"),
        ("5- * * * *", "'5-' is no minute"),
        ("*-5 * * * *", "'*-5' is no minute"),
        ("1,,2 * * * *", "'' is no minute"),
        ("? * * * *", "'?' is no minute"),
        ("\u0663 * * * *", "is no minute"),
    ],
)
def test_what_can_mean_nothing_sensible_is_refused_with_what_to_write(cron: str, advice: str) -> None:
    with pytest.raises(InvalidInput, match="cron") as refused:
        CronRule(cron)
    assert advice in str(refused.value)


@given(name=st.text(max_size=20), first=st.integers(0, 59), step=st.integers(1, 60))
@settings(max_examples=50)
@example(name="", first=0, step=60)
def test_a_hashed_field_stays_within_its_bounds(name: str, first: int, step: int) -> None:
    def minutes(cron: str) -> list[int]:
        rule, after, found = CronRule(cron, hash_name=name), MONDAY - timedelta(seconds=1), []
        while (after := rule.next_after(after)) < MONDAY + timedelta(hours=1):
            found.append(after.minute)
        return found

    assert all(first <= minute for minute in minutes(f"H({first}-59) * * * *"))
    several = minutes(f"H/{step} * * * *")
    assert several[0] < step
    assert all(later - earlier == step for earlier, later in pairwise(several))
    assert several[-1] + step > 59


def test_a_hashed_day_is_one_that_every_month_has() -> None:
    for number in range(60):
        rule = CronRule("0 0 H * *", hash_name=f"schedule {number}")
        assert rule.next_after(MONDAY.replace(month=2, day=1) - timedelta(seconds=1)).month == 2


def test_what_comes_round_once_in_some_years_is_found() -> None:
    assert first_runs("0 0 29 2 *", 2)[1] == datetime(2036, 2, 29, tzinfo=UTC)
