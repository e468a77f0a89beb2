"""Schedules made at run time: added, changed, listed, removed; for functions and for names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import InvalidInput, JobPriority, Scheduler, UnencodablePayload, periodic
from pg_scheduler.testing import ManualClock, drain, live_through
from tests.engine.schedules.conftest import MakeDriver

pytestmark = pytest.mark.slow_with("psycopg")

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
seen: list[Any] = []


async def note(what: str = "nothing", *, loud: bool = False) -> None:
    seen.append(what.upper() if loud else what)


@pytest.fixture
def clock() -> ManualClock:
    seen.clear()
    return ManualClock()


@pytest.fixture
async def scheduler(drivers: MakeDriver, clock: ManualClock) -> AsyncIterator[Scheduler]:
    """Not started; its time is the clock's."""
    made = Scheduler(drivers(), clock=clock)
    await made.initialize_db()
    yield made
    await made.shutdown()


async def test_an_added_schedule_runs_with_its_arguments(scheduler: Scheduler, clock: ManualClock) -> None:
    await scheduler.add_schedule(note, every=MINUTE, args=("tick",), kwargs={"loud": True})
    await live_through(scheduler, clock, 3 * MINUTE)
    assert seen == ["TICK"] * 3


async def test_the_same_call_again_adds_nothing(scheduler: Scheduler, clock: ManualClock) -> None:
    keys = {await scheduler.add_schedule(note, every=MINUTE, args=("a",)) for _ in range(3)}
    assert len(keys) == 1
    keys.add(await scheduler.add_schedule(note, every=MINUTE, args=("b",)))
    keys.add(await scheduler.add_schedule(note, every=HOUR, args=("a",)))
    keys.add(await scheduler.add_schedule(note, cron="@hourly", args=("a",)))
    keys.add(await scheduler.add_schedule(note, cron="@hourly", timezone="Europe/Paris", args=("a",)))
    assert sorted(keys) == [info.key for info in await scheduler.list_schedules()]
    assert len(keys) == 5


async def test_another_expression_under_the_same_key_replaces_the_row(
    scheduler: Scheduler, clock: ManualClock
) -> None:
    await scheduler.add_schedule(note, cron="* * * * *", key="mine")
    await live_through(scheduler, clock, 2 * MINUTE)
    assert await scheduler.add_schedule(note, cron="0 * * * *", key="mine") == "mine"
    await drain(scheduler)
    (info,) = await scheduler.list_schedules()
    assert (info.cron, info.next_run) == ("0 * * * *", clock.now() + 58 * MINUTE)
    await live_through(scheduler, clock, 2 * HOUR)
    assert len(seen) == 2 + 2


async def test_a_schedule_for_a_name_waits_for_who_knows_it(
    scheduler: Scheduler, drivers: MakeDriver, clock: ManualClock
) -> None:
    key = await scheduler.add_schedule("later known", every=MINUTE, args=("x",))
    await live_through(scheduler, clock, 2 * MINUTE)
    assert seen == []
    worker = Scheduler(drivers(), clock=clock)
    worker.register(note, name="later known")
    await live_through(worker, clock, 2 * MINUTE)
    assert seen == ["x", "x"]
    assert [info.key for info in await worker.list_schedules()] == [key]
    await worker.shutdown()


async def test_changes_leave_the_other_settings_alone(scheduler: Scheduler, clock: ManualClock) -> None:
    key = await scheduler.add_schedule(
        note, cron="0 9 * * *", timezone="Europe/Paris", args=("a",), priority=JobPriority.HIGH, max_retries=2
    )
    await scheduler.update_schedule(key, args=("b",), max_retries=4)
    (record,) = await scheduler.driver.schedules.list_schedules([key])
    assert (record.new.rank, record.new.max_retries) == (3, 4)
    (info,) = await scheduler.list_schedules()
    assert (info.cron, info.timezone) == ("0 9 * * *", "Europe/Paris")
    await scheduler.update_schedule(key, every=MINUTE)
    (info,) = await scheduler.list_schedules()
    assert (info.cron, info.timezone, info.every) == (None, None, MINUTE)
    await live_through(scheduler, clock, MINUTE)
    assert seen == ["b"]


async def test_an_update_runs_no_window_twice(scheduler: Scheduler, clock: ManualClock) -> None:
    key = await scheduler.add_schedule(note, every=MINUTE)
    await live_through(scheduler, clock, MINUTE)
    for every in (HOUR, MINUTE, HOUR, MINUTE):
        await scheduler.update_schedule(key, every=every)
        await drain(scheduler)
    assert len(seen) == 1
    await live_through(scheduler, clock, MINUTE)
    assert len(seen) == 2


async def test_a_removed_schedule_runs_no_more(scheduler: Scheduler, clock: ManualClock) -> None:
    key = await scheduler.add_schedule(note, every=MINUTE)
    await live_through(scheduler, clock, MINUTE)
    assert await scheduler.remove_schedule(key)
    assert not await scheduler.remove_schedule(key)
    await live_through(scheduler, clock, HOUR)
    assert len(seen) == 1
    assert await scheduler.list_schedules() == []


async def test_next_runs_are_the_windows_to_come(scheduler: Scheduler, clock: ManualClock) -> None:
    key = await scheduler.add_schedule(note, cron="30 2 * * *", timezone="America/New_York")
    expected = [datetime(2030, 1, day, 7, 30, tzinfo=UTC) for day in (1, 2, 3)]
    assert await scheduler.next_runs(key, 3) == expected
    await scheduler.pause_schedule(key)
    assert await scheduler.next_runs(key, 3) == expected
    await scheduler.resume_schedule(key)
    await live_through(scheduler, clock, timedelta(days=1))
    assert await scheduler.next_runs(key, 2) == expected[1:]
    assert len(await scheduler.next_runs(key)) == 5


async def test_infos_say_what_was_run(scheduler: Scheduler, clock: ManualClock) -> None:
    key = await scheduler.add_schedule(note, every=MINUTE, anchor=clock.now() + timedelta(seconds=20))
    await live_through(scheduler, clock, 2 * MINUTE)
    (info,) = await scheduler.list_schedules()
    last = clock.now() - timedelta(seconds=40)
    assert (info.key, info.last_run, info.next_run) == (key, last, last + MINUTE)
    assert (info.run_count, info.skipped_count, info.busy, info.enabled) == (2, 0, False, True)
    assert info.last_job_id == f"periodic:{key}:{int(last.timestamp())}"


async def test_a_schedule_may_be_added_asleep(scheduler: Scheduler, clock: ManualClock) -> None:
    key = await scheduler.add_schedule(note, every=MINUTE, enabled=False)
    await live_through(scheduler, clock, HOUR)
    assert seen == []
    await scheduler.resume_schedule(key)
    await live_through(scheduler, clock, MINUTE)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "schedule"),
        ({"every": MINUTE, "cron": "@daily"}, "schedule"),
        ({"every": 60}, "every"),
        ({"every": timedelta(seconds=0.1)}, "every"),
        ({"every": MINUTE, "timezone": "UTC"}, "timezone"),
        ({"cron": "@daily", "timezone": "Mars"}, "timezone"),
        ({"cron": "*/10 * * * * *"}, "cron"),
        ({"cron": "R * * * *"}, "cron"),
        ({"cron": "@sometimes"}, "cron"),
        ({"cron": "@daily", "anchor": datetime(2030, 1, 1, tzinfo=UTC)}, "anchor"),
        ({"every": MINUTE, "anchor": "noon"}, "anchor"),
        ({"every": MINUTE, "key": "nul\0"}, "key"),
        ({"every": MINUTE, "key": 5}, "key"),
        ({"every": MINUTE, "colour": "red"}, "colour"),
        ({"every": MINUTE, "task": "other"}, "task"),
        ({"every": MINUTE, "overlap": None}, "overlap"),
        ({"every": MINUTE, "args": "text"}, "args"),
        ({"every": MINUTE, "max_retries": -1}, "max_retries"),
        ({"every": MINUTE, "timeout": -1}, "timeout"),
    ],
)
async def test_what_cannot_be_is_refused_before_any_sql(
    scheduler: Scheduler, settings: dict[str, Any], field: str
) -> None:
    with pytest.raises((InvalidInput, TypeError)) as refused:
        await scheduler.add_schedule(note, **settings)
    assert getattr(refused.value, "field", field) == field
    assert await scheduler.list_schedules() == []


async def test_arguments_that_cannot_be_are_refused(scheduler: Scheduler) -> None:
    with pytest.raises(UnencodablePayload):
        await scheduler.add_schedule(note, every=MINUTE, args=(object(),))
    with pytest.raises(InvalidInput):
        await scheduler.add_schedule(note, every=MINUTE, args=("too", "many"))
    assert await scheduler.list_schedules() == []


@pytest.mark.parametrize(
    "changes", [{"colour": "red"}, {"task": "other"}, {"every": 5}, {"cron": "nonsense"}]
)
async def test_a_change_that_cannot_be_leaves_all_as_it_was(
    scheduler: Scheduler, changes: dict[str, Any]
) -> None:
    key = await scheduler.add_schedule(note, every=MINUTE)
    before = await scheduler.driver.schedules.list_schedules()
    with pytest.raises(InvalidInput):
        await scheduler.update_schedule(key, **changes)
    assert await scheduler.driver.schedules.list_schedules() == before


async def test_what_does_not_exist_cannot_be_changed_or_foretold(scheduler: Scheduler) -> None:
    for call in (scheduler.update_schedule("unknown", every=MINUTE), scheduler.next_runs("unknown")):
        with pytest.raises(InvalidInput, match="unknown"):
            await call
    key = await scheduler.add_schedule(note, every=MINUTE)
    with pytest.raises(InvalidInput, match="count"):
        await scheduler.next_runs(key, 0)


async def test_a_schedule_of_code_is_changed_in_the_code(scheduler: Scheduler) -> None:
    @periodic(every=MINUTE, dedup_key="code")
    async def code() -> None: ...

    await scheduler.register_schedules()
    before = await scheduler.driver.schedules.list_schedules()
    with pytest.raises(InvalidInput, match="code"):
        await scheduler.update_schedule("code", every=HOUR)
    with pytest.raises(InvalidInput, match="code"):
        await scheduler.add_schedule(note, every=HOUR, key="code")
    assert await scheduler.driver.schedules.list_schedules() == before
