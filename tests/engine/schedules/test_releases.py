"""One schedule over the releases of a program: nothing is lost, doubled or silenced."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import TZPATH, ZoneInfo

import pytest

from pg_scheduler import InvalidInput, Scheduler, periodic
from pg_scheduler.engine.tasks.task_loader import TaskLoader
from pg_scheduler.testing import ManualClock, drain, live_through
from tests.engine.schedules.conftest import MakeDriver, MakeScheduler
from tests.support.running import eventually

pytestmark = pytest.mark.slow_with("psycopg")

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MODULE = importlib.import_module("pg_scheduler.client.periodic_registry")

Release = Callable[..., Scheduler]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ran() -> list[str]:
    """What ran, by release."""
    return []


@pytest.fixture
def release(
    scheduler_at: MakeScheduler, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, ran: list[str]
) -> Release:
    """A program whose code has `report` under these settings, and nothing else; the one before is gone."""

    def make(name: str, module: str = __name__, **settings: Any) -> Scheduler:
        monkeypatch.setattr(MODULE, "_registered", {})

        async def report() -> None:
            ran.append(name)

        report.__module__ = module
        if settings:
            periodic(**settings)(report)
        scheduler = scheduler_at(clock)
        scheduler.register(report, name="periodic_report")
        return scheduler

    return make


async def states(scheduler: Scheduler) -> list[tuple[str, bool, int]]:
    return [(one.task_name, one.retired, one.skipped_count) for one in await scheduler.list_schedules()]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"cron": "0 * * * *"}, {"cron": "@hourly"}),
        ({"cron": "0 * * * *"}, {"every": HOUR}),
        ({"every": HOUR, "module": "old.place"}, {"every": HOUR, "module": "new.place"}),
        ({"every": HOUR}, {"every": HOUR, "anchor": ManualClock().now() + 5 * HOUR}),
        ({"every": HOUR, "dedup_key": "bill"}, {"cron": "@hourly", "dedup_key": "bill"}),
        ({"every": HOUR}, {"every": HOUR, "dedup_key": "bill"}),
        ({"every": HOUR}, {"every": HOUR, "max_retries": 3}),
        ({"every": HOUR}, {"cron": "0 * * * *", "timezone": "Europe/London"}),
    ],
)
async def test_windows_missed_in_a_downtime_are_made_up_for_by_the_next_release(
    release: Release, clock: ManualClock, ran: list[str], before: dict[str, Any], after: dict[str, Any]
) -> None:
    await live_through(release("old", catch_up="all", **before), clock, HOUR)
    await clock.advance(6 * HOUR + MINUTE)
    young = release("young", catch_up="all", **after)
    await live_through(young, clock, HOUR)
    assert ran == ["old"] + ["young"] * 7
    assert sum(one.skipped_count for one in await young.list_schedules()) == 0


async def test_what_the_next_release_leaves_out_of_a_downtime_is_counted(
    release: Release, clock: ManualClock, ran: list[str]
) -> None:
    await live_through(release("old", cron="0 * * * *"), clock, HOUR)
    await clock.advance(6 * HOUR + MINUTE)
    young = release("young", cron="@hourly")
    await live_through(young, clock, MINUTE)
    assert ran == ["old", "young"]
    assert sum(one.skipped_count for one in await young.list_schedules()) == 5


async def test_a_decorator_that_is_gone_fires_no_more_although_its_task_is_there(
    release: Release, clock: ManualClock, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    await live_through(release("old", every=HOUR, dedup_key="hourly"), clock, 3 * HOUR)
    await clock.advance(2 * HOUR)
    without = release("young")
    with caplog.at_level(logging.WARNING):
        assert await live_through(without, clock, DAY) == []
    assert ran == ["old"] * 3
    assert await states(without) == [("periodic_report", True, 0)]
    assert "schedule 'hourly': retired" in caplog.text


async def test_a_decorator_that_comes_back_months_later_begins_anew(
    release: Release, clock: ManualClock, ran: list[str]
) -> None:
    await live_through(release("old", every=DAY), clock, DAY)
    await clock.advance(HOUR)
    await live_through(release("without"), clock, HOUR)
    await clock.advance(90 * DAY)
    assert await drain(release("back", every=DAY)) == []
    await live_through(release("back", every=DAY), clock, DAY)
    assert ran == ["old", "back"]


async def test_a_program_that_was_down_beside_another_one_makes_up_for_its_windows(
    release: Release, clock: ManualClock, ran: list[str]
) -> None:
    await live_through(release("mine", every=HOUR, catch_up="all"), clock, HOUR)
    await clock.advance(3 * HOUR)
    await live_through(release("somebody else's"), clock, HOUR)
    await clock.advance(MINUTE)
    await drain(release("mine", every=HOUR, catch_up="all"))
    assert ran == ["mine"] * 5


# --- a task that was renamed


@pytest.mark.parametrize("overlap", ["wait", "skip"])
async def test_a_schedule_whose_task_was_renamed_while_a_run_waits_goes_on(
    scheduler_at: MakeScheduler, clock: ManualClock, overlap: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    async def broken() -> None:
        raise ConnectionError

    async def mended() -> None:
        ran.append("mended")

    old = scheduler_at(clock)
    await old.initialize_db()
    old.register(broken, name="report.v1")
    settings: dict[str, Any] = {"every": 10 * MINUTE, "key": "nightly", "max_retries": 5, "overlap": overlap}
    await old.add_schedule("report.v1", **settings)
    await live_through(old, clock, 10.5 * MINUTE)
    young = scheduler_at(clock)
    young.register(mended, name="report.v2")
    await young.add_schedule("report.v2", **settings)
    with caplog.at_level(logging.WARNING):
        await live_through(young, clock, HOUR)
    assert len(ran) == 1 + 6, "the run that waited, and one per window"
    assert "schedule 'nightly': its task was renamed" in caplog.text
    assert "'report.v1' that go on as 'report.v2': 1" in caplog.text


async def test_a_decorated_task_that_was_renamed_goes_on_under_its_key(
    release: Release, clock: ManualClock, ran: list[str], drivers: MakeDriver
) -> None:
    old = release("old", every=MINUTE, dedup_key="mine", job_name="before")
    await drain(old)
    await clock.advance(MINUTE)
    await old.worker.services.stager.stage_once()  # the run is there, and waits
    young = release("young", every=MINUTE, dedup_key="mine", job_name="after")
    await live_through(young, clock, MINUTE)
    assert ran == ["young", "young"]


# --- schedules made at run time


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch, ran: list[str]) -> ModuleType:
    """A module of a program, with one function."""
    module = ModuleType("tasks_of_a_program")
    exec("async def remind(user): ran.append(user)", vars(module))
    module.ran = ran  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


async def test_a_schedule_made_at_run_time_goes_on_after_a_restart(
    drivers: MakeDriver, clock: ManualClock, tasks: ModuleType, ran: list[str]
) -> None:
    signup = Scheduler(drivers(), clock=clock)
    await signup.initialize_db()
    await signup.add_schedule(tasks.remind, every=MINUTE, args=("ada",), key="ada")
    await signup.shutdown()
    restarted = Scheduler(drivers(), clock=clock, task_modules=[tasks.__name__])
    await live_through(restarted, clock, 3 * MINUTE)
    await restarted.shutdown()
    assert ran == ["ada"] * 3


async def test_a_schedule_is_not_reason_enough_to_import_what_is_not_trusted(
    drivers: MakeDriver,
    clock: ManualClock,
    tasks: ModuleType,
    ran: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    signup = Scheduler(drivers(), clock=clock)
    await signup.initialize_db()
    await signup.add_schedule(tasks.remind, every=MINUTE, args=("ada",), key="ada")
    await signup.shutdown()
    other = Scheduler(drivers(), clock=clock)
    with caplog.at_level(logging.WARNING):
        await live_through(other, clock, MINUTE)
        assert "schedule 'ada'" not in caplog.text, "another worker may run it"
        await clock.advance(5 * MINUTE)
        for _ in range(3):
            await drain(other)
    await other.shutdown()
    assert ran == []
    assert caplog.text.count("schedule 'ada': its windows wait, because its task") == 1


async def test_a_task_that_is_not_found_is_looked_up_once(
    drivers_of_memory: MakeDriver, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Scheduler(drivers_of_memory(), clock=clock)
    await worker.initialize_db()
    await worker.add_schedule("somebody else's", every=MINUTE)
    keeper, looked_up = worker.worker.services.schedule_keeper, list[list[str]]()
    monkeypatch.setattr(keeper, "_try_import", looked_up.append)
    for _ in range(3):
        await keeper.keep()
    assert looked_up == [["somebody else's"]]


async def test_a_schedule_that_is_added_while_a_worker_runs_makes_its_task_known(
    drivers: MakeDriver, tasks: ModuleType, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pg_scheduler.engine.schedules.schedule_keeper.LEAST", 0.01)
    worker = Scheduler(drivers())
    worker._loader = TaskLoader(worker._registry, [tasks.__name__])  # trusts it, and has not imported it
    signup = Scheduler(drivers())
    async with worker:
        await signup.open()
        await signup.add_schedule(tasks.remind, every=timedelta(seconds=1), args=("ada",), key="ada")
        await eventually(lambda: bool(ran))
    await signup.shutdown()


# --- what this worker cannot read


async def test_schedules_that_cannot_be_read_harm_nobody(
    drivers: MakeDriver, clock: ManualClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pg_scheduler.engine.schedules.stager.BATCH", 4)
    ran: list[str] = []

    async def digest(user: str) -> None:
        ran.append(user)

    scheduler = Scheduler(drivers(), clock=clock)
    await scheduler.initialize_db()
    scheduler.register(digest, name="digest")
    for number in range(9):
        key = await scheduler.add_schedule("digest", cron="@hourly", args=(number,), key=f"{number}")
        (record,) = await scheduler.driver.schedules.list_schedules([key])
        elsewhere = record.new.spec.replace("UTC", "Test/City")
        await _overwrite(scheduler, key, elsewhere)
    await scheduler.add_schedule("digest", cron="@hourly", args=("p",), key="p")
    with caplog.at_level(logging.ERROR):
        await live_through(scheduler, clock, 3 * HOUR)
    assert ran == ["p"] * 3
    assert caplog.text.count("cannot be read by this worker") == 9
    infos = {info.key: info for info in await scheduler.list_schedules()}
    assert len(infos) == 10
    assert (infos["0"].cron, infos["0"].timezone) == ("@hourly", "Test/City")
    assert "Test/City" in str(infos["0"].unreadable)
    assert infos["p"].unreadable is None
    assert await scheduler.schedule_status("0") is not None
    with pytest.raises(InvalidInput, match=r"'0' cannot be read here.*Test/City"):
        await scheduler.next_runs("0", 1)
    with pytest.raises(InvalidInput, match=r"'0' cannot be read here.*Test/City"):
        await scheduler.update_schedule("0", max_retries=1)
    await scheduler.add_schedule("digest", cron="@hourly", args=("mended",), key="0")
    await live_through(scheduler, clock, HOUR)
    assert ran.count("mended") == 1
    await scheduler.shutdown()


async def _overwrite(scheduler: Scheduler, key: str, spec: str) -> None:
    """As a newer program, or one with another zone database, has stored it."""
    (record,) = await scheduler.driver.schedules.list_schedules([key])
    await scheduler.driver.schedules.put_schedule(replace(record.new, spec=spec, spec_hash="elsewhere"))


def test_a_zone_without_a_name_is_refused_at_decoration() -> None:
    place = next(path for root in TZPATH if (path := Path(root, "Europe/Paris")).exists())
    with place.open("rb") as file:
        nameless = ZoneInfo.from_file(file)
    with pytest.raises(InvalidInput, match="has no name"):
        periodic(cron="@daily", timezone=nameless)


# --- other anchors, clocks that ran ahead, manual runs


async def test_the_same_interval_with_another_anchor_is_another_schedule(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    ran: list[int] = []

    async def backup() -> None:
        ran.append(clock.now().hour)

    scheduler = scheduler_at(clock)
    await scheduler.initialize_db()
    midnight = clock.now().replace(hour=0, minute=0)
    keys = {
        await scheduler.add_schedule(backup, every=DAY, anchor=midnight + hour * HOUR) for hour in (6, 18, 30)
    }
    assert len(keys) == 2
    await live_through(scheduler, clock, 2 * DAY)
    assert sorted(ran) == [6, 6, 18, 18]


async def test_stacked_decorators_with_other_anchors_are_two_schedules(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    ran: list[int] = []
    midnight = clock.now().replace(hour=0, minute=0)

    @periodic(every=DAY, anchor=midnight + 6 * HOUR)
    @periodic(every=DAY, anchor=midnight + 18 * HOUR)
    async def backup() -> None:
        ran.append(clock.now().hour)

    await live_through(scheduler_at(clock), clock, DAY)
    assert sorted(ran) == [6, 18]


async def test_a_schedule_that_an_earlier_version_has_added_is_not_added_again(
    scheduler_at: MakeScheduler, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def backup() -> None: ...

    scheduler = scheduler_at(clock)
    await scheduler.initialize_db()
    settings: dict[str, Any] = {"every": DAY, "anchor": clock.now() + HOUR}
    with monkeypatch.context() as earlier:
        request = importlib.import_module("pg_scheduler.client.schedule_request")
        earlier.setattr(request, "default_key", request.plain_key)
        key = await scheduler.add_schedule(backup, **settings)
    assert await scheduler.add_schedule(backup, **settings) == key
    other = await scheduler.add_schedule(backup, every=DAY, anchor=clock.now() + 2 * HOUR)
    assert other != key


@pytest.mark.parametrize("change", ["resume", "update", "add"])
async def test_a_clock_that_ran_ahead_does_not_silence_a_schedule_for_ever(
    scheduler_at: MakeScheduler, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []

    async def tick() -> None:
        ran.append(1)

    def at(days: int) -> tuple[Scheduler, ManualClock]:
        clock = ManualClock(ManualClock().now() + days * DAY)
        scheduler = scheduler_at(clock)
        scheduler.register(tick, name="tick")
        return scheduler, clock

    right, clock = at(0)
    await right.initialize_db()
    await right.add_schedule("tick", every=10 * MINUTE, key="t")
    await live_through(right, clock, HOUR)
    ahead, clock = at(365)
    await live_through(ahead, clock, MINUTE)
    ran.clear()
    again, clock = at(1)
    with caplog.at_level(logging.WARNING):
        await live_through(again, clock, HOUR)
    assert ran == [], "nothing runs twice by itself"
    assert "schedule 't' of task 'tick': its mark lies in the future" in caplog.text
    if change == "resume":
        await again.pause_schedule("t")
        await again.resume_schedule("t")
    elif change == "update":
        await again.update_schedule("t", max_retries=1)
    else:
        await again.add_schedule("tick", every=10 * MINUTE, key="t")
    await live_through(again, clock, HOUR)
    assert len(ran) == 6


async def test_a_manual_run_does_not_wait_and_later_windows_wait_for_it(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    async def tick() -> None: ...

    scheduler = scheduler_at(clock)
    await scheduler.initialize_db()
    key = await scheduler.add_schedule(tick, every=MINUTE, overlap="wait")
    await drain(scheduler)
    await clock.advance(MINUTE)
    await scheduler.worker.services.stager.stage_once()
    assert await scheduler.trigger_periodic_job(key) is not None
    due = await scheduler.driver.insight.jobs()
    assert len(due) == 2, "both may run now"
    await clock.advance(MINUTE)
    staged, _ = await scheduler.worker.services.stager.stage_once()
    assert staged == 0
