"""Which due windows run and which are left out: every one decided about once, whatever the policies."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pg_scheduler.domain.catch_up import AdvancePlan, plan_advance
from pg_scheduler.domain.cron import CronRule, zone_of
from pg_scheduler.domain.schedule import (
    MAX_CATCH_UP,
    CatchUp,
    Overlap,
    ScheduleSpec,
    default_key,
    manual_job_id,
    plain_key,
    spec_hash,
    window_job_id,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ALL, LATEST, NONE = CatchUp.ALL, CatchUp.LATEST, CatchUp.NONE
WAIT, SKIP, ALLOW = Overlap.WAIT, Overlap.SKIP, Overlap.ALLOW

intervals = st.integers(1, 200_000).map(lambda seconds: timedelta(seconds=seconds))
crons = st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 */3 * * *", "*/13 * * * * */20", "0 9 * * MON-FRI"])
zones = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]).map(zone_of)
timings = st.one_of(
    st.builds(lambda every: {"every": every}, intervals),
    st.builds(lambda expression, zone: {"cron": CronRule(expression, zone)}, crons, zones),
)
policies = st.fixed_dictionaries(
    {
        "catch_up": st.sampled_from(CatchUp),
        "catch_up_limit": st.integers(1, 40),
        "overlap": st.sampled_from(Overlap),
        "grace_seconds": st.one_of(st.none(), st.integers(0, 100_000)),
    }
)
specs = st.builds(lambda timing, policy: ScheduleSpec(**timing, **policy), timings, policies)


def minutely(catch_up: CatchUp, overlap: Overlap = WAIT, **policy: Any) -> ScheduleSpec:
    """A schedule of every minute."""
    return ScheduleSpec(every=MINUTE, catch_up=catch_up, overlap=overlap, **policy)


def steps(spec: ScheduleSpec, next_due: datetime, now: datetime) -> list[AdvancePlan]:
    """All steps until nothing is due, each run having ended before the next step."""
    taken: list[AdvancePlan] = []
    while (plan := plan_advance(spec, next_due, now, busy=False)) is not None:
        taken.append(plan)
        next_due = plan.next_window
    return taken


def due_windows(spec: ScheduleSpec, next_due: datetime, now: datetime) -> list[datetime]:
    """By brute force: all windows up to now."""
    found = []
    while next_due <= now:
        found.append(next_due)
        next_due = spec.next_after(next_due)
    return found


@settings(max_examples=40)  # long downtimes are long walks
@given(specs, st.integers(0, 9_000), st.floats(0, 0.99))
def test_every_due_window_is_run_or_left_out_and_none_twice(
    spec: ScheduleSpec, count: int, past_the_last: float
) -> None:
    first = spec.next_after(NOON)
    horizon = min(count, 400) if spec.cron else count
    now = NOON + (spec.every or timedelta(hours=1)) * (horizon + past_the_last)
    due = due_windows(spec, first, now)
    taken = steps(spec, first, now)
    run = [window for plan in taken for window in plan.windows]
    assert run == sorted(set(run))
    assert set(run) <= set(due)
    assert len(run) + sum(plan.skipped for plan in taken) == len(due)


@given(specs, st.integers(0, 9_000), st.booleans())
def test_the_mark_only_grows_and_the_next_window_follows_it(
    spec: ScheduleSpec, count: int, busy: bool
) -> None:
    next_due = spec.next_after(NOON)
    now = NOON + (spec.every or MINUTE) * count
    before = NOON
    while (plan := plan_advance(spec, next_due, now, busy)) is not None:
        assert before < plan.mark <= now
        assert next_due <= plan.mark
        assert plan.next_window == spec.next_after(plan.mark)
        assert all(next_due <= window <= plan.mark for window in plan.windows)
        before, next_due = plan.mark, plan.next_window


@given(specs, st.integers(1, 50))
def test_a_schedule_that_was_never_behind_runs_each_window(spec: ScheduleSpec, count: int) -> None:
    window = spec.next_after(NOON)
    for _ in range(count):
        plan = plan_advance(spec, window, window, busy=False)
        assert plan == AdvancePlan((window,), 0, window, spec.next_after(window))
        window = plan.next_window


@given(specs)
def test_before_its_window_there_is_nothing_to_do(spec: ScheduleSpec) -> None:
    window = spec.next_after(NOON)
    assert plan_advance(spec, window, window - timedelta(microseconds=1), busy=False) is None
    assert plan_advance(spec, window, window - timedelta(microseconds=1), busy=True) is None


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize(
    ("overlap", "answer"), [(WAIT, None), (SKIP, ((), 3)), (ALLOW, "as if it were idle")]
)
def test_what_a_busy_schedule_does(catch_up: CatchUp, overlap: Overlap, answer: object) -> None:
    spec = minutely(catch_up, overlap)
    now = NOON + 2 * MINUTE
    plan = plan_advance(spec, NOON, now, busy=True)
    if overlap is ALLOW:
        assert plan == plan_advance(spec, NOON, now, busy=False)
    else:
        assert (plan and (plan.windows, plan.skipped)) == answer


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize(
    ("catch_up", "limit", "run"),
    [(NONE, 1, 1), (LATEST, 1, 1), (ALL, 1, 1), (ALL, 100, 100), (ALL, 1_000, 1_000)],
)
def test_24_hours_of_downtime_leave_what_the_policy_says(
    catch_up: CatchUp, limit: int, run: int, overlap: Overlap
) -> None:
    spec = minutely(catch_up, overlap, catch_up_limit=limit)
    taken = steps(spec, NOON + MINUTE, NOON + DAY)
    windows = [window for plan in taken for window in plan.windows]
    expected = 1 if overlap is SKIP else run  # runs that may not overlap cannot all be due at once
    assert windows == [NOON + DAY - n * MINUTE for n in reversed(range(expected))]
    assert sum(plan.skipped for plan in taken) == 24 * 60 - expected
    assert taken[-1].next_window == NOON + DAY + MINUTE


@pytest.mark.parametrize(
    ("late", "grace", "runs"),
    [(299, 300, True), (300, 300, True), (301, 300, False), (1, 0, True), (2, 0, False), (9_999, None, True)],
)
def test_none_runs_the_latest_window_only_within_the_grace(late: int, grace: int | None, runs: bool) -> None:
    spec = ScheduleSpec(every=DAY, catch_up=NONE, grace_seconds=grace)
    midnight = NOON + DAY / 2
    plan = plan_advance(spec, midnight - 2 * DAY, midnight + timedelta(seconds=late), busy=False)
    assert plan is not None
    assert plan.windows == ((midnight,) if runs else ())
    assert (plan.skipped, plan.mark) == (2 if runs else 3, midnight)


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("overlap", Overlap)
def test_a_long_downtime_gives_the_same(catch_up: CatchUp, overlap: Overlap) -> None:
    spec = ScheduleSpec(
        every=timedelta(seconds=1), catch_up=catch_up, overlap=overlap, catch_up_limit=MAX_CATCH_UP
    )
    count = 31_536_000
    taken = steps(spec, NOON + timedelta(seconds=1), NOON + timedelta(seconds=count))
    run = [window for plan in taken for window in plan.windows]
    expected = MAX_CATCH_UP if catch_up is ALL and overlap is not SKIP else 1
    assert run == [NOON + timedelta(seconds=count - n) for n in reversed(range(expected))]
    assert sum(plan.skipped for plan in taken) == count - expected


def test_waiting_windows_are_run_one_after_the_other() -> None:
    taken = steps(minutely(ALL, WAIT, catch_up_limit=3), NOON, NOON + 9 * MINUTE)
    assert [plan.windows for plan in taken] == [(NOON + n * MINUTE,) for n in (7, 8, 9)]
    assert [plan.skipped for plan in taken] == [7, 0, 0]


def test_runs_that_are_slower_than_their_interval_leave_the_oldest_windows_out_and_count_them() -> None:
    spec = minutely(ALL, WAIT, catch_up_limit=3)
    next_window, run, skipped = NOON, list[datetime](), 0
    for n in range(4):  # each run takes three intervals
        plan = plan_advance(spec, next_window, NOON + 3 * n * MINUTE, busy=False)
        assert plan is not None
        next_window, skipped = plan.next_window, skipped + plan.skipped
        run += plan.windows
    assert run == [NOON + n * MINUTE for n in (0, 1, 4, 7)]
    assert skipped == 4


def test_windows_that_may_overlap_are_run_at_once() -> None:
    (plan,) = steps(minutely(ALL, ALLOW, catch_up_limit=3), NOON, NOON + 9 * MINUTE)
    assert plan.windows == tuple(NOON + n * MINUTE for n in (7, 8, 9))


@given(specs, st.timedeltas(timedelta(0), DAY), st.timedeltas(-DAY, DAY).map(NOON.__add__))
def test_a_spec_survives_its_text(spec: ScheduleSpec, jitter: timedelta, anchor: datetime) -> None:
    for whole in (spec, replace(spec, jitter=jitter), replace(spec, anchor=anchor)):
        again = ScheduleSpec.from_text(whole.text())
        assert again == whole
        assert again.text() == whole.text()
        assert again.same_windows(whole)


def test_a_cron_rule_survives_its_text_with_all_it_was_told() -> None:
    rule = CronRule("H 3 * * *", zone_of("Europe/London"), "skip", "both", "a name")
    spec = ScheduleSpec(cron=rule)
    assert ScheduleSpec.from_text(spec.text()) == spec
    assert ScheduleSpec.from_text(spec.text()).next_after(NOON) == spec.next_after(NOON)


def test_only_what_decides_about_windows_makes_different_windows() -> None:
    spec = ScheduleSpec(every=MINUTE)
    for policy in ({"jitter": MINUTE}, {"catch_up": ALL}, {"overlap": SKIP}, {"grace_seconds": None}):
        assert spec.same_windows(replace(spec, **policy))
    assert not spec.same_windows(replace(spec, every=2 * MINUTE))
    assert not spec.same_windows(replace(spec, anchor=NOON + timedelta(seconds=1)))
    daily = ScheduleSpec(cron=CronRule("0 9 * * *"))
    assert not spec.same_windows(daily)
    for other in (
        CronRule("1 9 * * *"),
        CronRule("0 9 * * *", zone_of("Europe/Paris")),
        CronRule("0 9 * * *", dst_gap="skip"),
        CronRule("0 9 * * *", dst_overlap="both"),
    ):
        assert not daily.same_windows(ScheduleSpec(cron=other))


def test_a_window_has_one_job_id_in_every_zone_of_the_caller() -> None:
    assert window_job_id("key", NOON) == f"periodic:key:{int(NOON.timestamp())}"
    assert window_job_id("key", NOON.astimezone(zone_of("Asia/Kolkata"))) == window_job_id("key", NOON)


@given(specs, st.integers(2, 60))
def test_different_windows_have_different_job_ids(spec: ScheduleSpec, count: int) -> None:
    windows, window = [], NOON
    for _ in range(count):
        window = spec.next_after(window)
        windows.append(window)
    assert len({window_job_id("key", window) for window in windows}) == count


def test_a_manual_run_has_an_id_of_the_documented_form() -> None:
    assert manual_job_id("key", bytes.fromhex("00ff12ab99")) == "manual_periodic:key:00ff12ab"


def test_keys_are_the_documented_digests() -> None:
    digest = hashlib.sha256(b"app.jobs.tidy:interval:900.0").hexdigest()[:16]
    quarterly, daily = ScheduleSpec(every=timedelta(minutes=15)), ScheduleSpec(cron=CronRule("0 0 * * *"))
    assert default_key("app.jobs.tidy", quarterly) == digest == "10448b199ea70bd9"
    digest = hashlib.sha256(b"app.jobs.tidy:cron:0 0 * * *:tz:UTC").hexdigest()[:16]
    assert default_key("app.jobs.tidy", daily) == digest


def test_other_windows_have_another_key() -> None:
    daily = ScheduleSpec(every=DAY)
    at_six = replace(daily, anchor=NOON - timedelta(hours=6))
    at_noon = CronRule("0 12 * * *", zone_of("Europe/London"))
    specs = [
        daily,
        at_six,
        replace(daily, anchor=NOON),
        *(
            ScheduleSpec(cron=replace(at_noon, dst_gap=gap, dst_overlap=overlap))
            for gap in (None, "skip", "shift")
            for overlap in (None, "first", "both")
        ),
    ]
    assert len({default_key("f", spec) for spec in specs}) == len(specs)
    assert {plain_key("f", spec) for spec in specs[:3]} == {default_key("f", daily)}


def test_the_same_windows_have_one_key_whatever_their_anchor() -> None:
    at_six = ScheduleSpec(every=DAY, anchor=NOON - timedelta(hours=6))
    again = replace(at_six, anchor=at_six.anchor + 40 * DAY)
    assert at_six.same_windows(again)
    assert default_key("f", at_six) == default_key("f", again)
    midnight = ScheduleSpec(every=DAY, anchor=NOON.replace(hour=0))
    assert default_key("f", midnight) == default_key("f", ScheduleSpec(every=DAY))


def test_the_parts_of_a_spec_hash_do_not_run_into_each_other() -> None:
    assert spec_hash("ab", "c") != spec_hash("a", "bc")
    assert len(spec_hash("a")) == 16


@pytest.mark.parametrize(
    ("given_spec", "words"),
    [
        ({}, "Either every or cron"),
        ({"every": MINUTE, "cron": CronRule("@daily")}, "both"),
        ({"every": timedelta(0)}, "every"),
        ({"every": -MINUTE}, "every"),
        ({"every": 60}, "every"),
        ({"every": timedelta(seconds=0.5)}, "at least 1 s"),
        ({"every": timedelta.max}, "every"),
        ({"every": MINUTE, "anchor": NOON.replace(tzinfo=None)}, "anchor"),
        ({"every": MINUTE, "jitter": -MINUTE}, "jitter"),
        ({"every": MINUTE, "jitter": 5}, "jitter"),
        ({"every": MINUTE, "jitter": timedelta.max}, "jitter"),
        ({"every": MINUTE, "catch_up_limit": 0}, "catch_up limit"),
        ({"every": MINUTE, "catch_up_limit": MAX_CATCH_UP + 1}, "at most"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(given_spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        ScheduleSpec(**given_spec)
    assert type(refused.value).__name__ == "InvalidInput"
