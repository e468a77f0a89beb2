"""Two versions of the code in one fleet."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import Scheduler, periodic
from pg_scheduler.testing import ManualClock, live_through
from tests.engine.schedules.conftest import MakeScheduler

pytestmark = pytest.mark.slow_with("psycopg")

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MODULE = importlib.import_module("pg_scheduler.client.periodic_registry")


@pytest.fixture
def version(
    scheduler_at: MakeScheduler, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Scheduler]:
    """A worker whose code has `report` under these settings."""

    def make(**settings: Any) -> Scheduler:
        monkeypatch.setattr(MODULE, "_registered", {})

        @periodic(**settings)
        async def report() -> None: ...

        scheduler = scheduler_at(clock)
        scheduler.schedules.adopt_decorated()
        return scheduler

    return make


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def confirm(scheduler: Scheduler) -> None:
    """What its registrar does at start, and every 45 s."""
    await scheduler.initialize_db()
    await scheduler.worker.services.registrar.register()


async def active(scheduler: Scheduler) -> list[tuple[timedelta | None, str]]:
    return [(info.every, info.task_name) for info in await scheduler.list_schedules() if not info.retired]


async def test_a_rolling_deploy_runs_each_window_of_one_version_only(
    version: Callable[..., Scheduler], clock: ManualClock
) -> None:
    old, young = version(every=MINUTE), version(every=HOUR)
    await confirm(old)
    await confirm(young)
    for _ in range(5):
        await clock.advance(timedelta(seconds=45))
        for worker in (old, young, old):
            await confirm(worker)
        assert await active(old) == [(HOUR, "periodic_report")]


async def test_a_roll_back_takes_over_once_the_younger_is_silent(
    version: Callable[..., Scheduler], clock: ManualClock
) -> None:
    old, young = version(every=MINUTE), version(every=HOUR)
    await confirm(old)
    await confirm(young)
    await young.shutdown()
    for seconds, every in ((119, HOUR), (1, MINUTE)):
        await clock.advance(timedelta(seconds=seconds))
        await confirm(old)
        assert await active(old) == [(every, "periodic_report")]


async def test_a_renamed_job_keeps_its_schedule_without_a_fight(
    version: Callable[..., Scheduler], clock: ManualClock
) -> None:
    old, young = version(every=MINUTE), version(every=MINUTE, job_name="renamed")
    await confirm(old)
    await confirm(young)
    for _ in range(3):
        await confirm(old)
        assert await active(old) == [(MINUTE, "renamed")]


@contextmanager
def only(scheduler: Scheduler) -> Any:
    """Its registrations are not those of whoever was decorated last."""
    was = scheduler.periodic_jobs_enabled
    scheduler.periodic_jobs_enabled = False
    yield scheduler
    scheduler.periodic_jobs_enabled = was


async def test_a_deploy_pauses_nothing_and_wakes_nothing(
    version: Callable[..., Scheduler], clock: ManualClock
) -> None:
    old = version(every=MINUTE)
    await confirm(old)
    ((key, _),) = [(info.key, info) for info in await old.list_schedules()]
    await old.pause_schedule(key)
    young = version(every=HOUR)
    await confirm(young)
    with only(young):
        assert await live_through(young, clock, 2 * HOUR) == []
    (info,) = [info for info in await young.list_schedules() if not info.retired]
    assert not info.enabled
    await young.resume_schedule(info.key)
    with only(young):
        assert len(await live_through(young, clock, 2 * HOUR)) == 2


async def test_a_new_version_does_not_run_what_the_old_one_has_run(
    version: Callable[..., Scheduler], clock: ManualClock
) -> None:
    old = version(every=MINUTE)
    await confirm(old)
    with only(old):
        assert len(await live_through(old, clock, HOUR)) == 60
    young = version(every=HOUR)
    await confirm(young)
    with only(young):
        assert await live_through(young, clock, HOUR - MINUTE) == []
        assert len(await live_through(young, clock, MINUTE)) == 1
