"""How late the job of a window may start: as late as the schedule says, whatever held it up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pg_scheduler import Queries, Scheduler
from pg_scheduler.client.keywords import CatchUpRule
from pg_scheduler.testing import ManualClock, drain, live_through
from tests.engine.schedules.conftest import MakeScheduler

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def dose() -> None:
    """Better not given than given late."""


async def noon_is_staged(
    scheduler_at: MakeScheduler, clock: ManualClock, catch_up: CatchUpRule, grace: int | None
) -> Scheduler:
    """At noon a job was made of the window; nobody has started it."""
    scheduler = scheduler_at(clock)
    await scheduler.initialize_db()
    scheduler.register(dose, name="dose")
    await scheduler.add_schedule(
        "dose", every=12 * HOUR, catch_up=catch_up, misfire_grace_time=grace, key="twice a day"
    )
    stager = scheduler.worker.services.stager
    await stager.stage_once()
    await clock.advance_to(clock.now().replace(hour=12))
    assert (await stager.stage_once())[0] == 1
    return scheduler


async def last_status(scheduler: Scheduler) -> str:
    status = await scheduler.schedule_status("twice a day")
    assert status is not None
    return str(status["last_status"])


@pytest.mark.parametrize(
    ("catch_up", "grace", "late", "runs"),
    [
        ("none", 60, 10 * HOUR, 0),
        ("none", 60, MINUTE, 1),
        ("none", None, 10 * HOUR, 1),
        ("latest", 60, 10 * HOUR, 1),
        ("all", 60, 10 * HOUR, 1),
    ],
)
async def test_a_window_that_is_not_caught_up_does_not_start_after_its_grace(
    scheduler_at: MakeScheduler,
    clock: ManualClock,
    catch_up: CatchUpRule,
    grace: int | None,
    late: timedelta,
    runs: int,
) -> None:
    scheduler = await noon_is_staged(scheduler_at, clock, catch_up, grace)
    await clock.advance(late)
    assert len(await drain(scheduler)) == runs
    assert await last_status(scheduler) == ("completed" if runs else "expired")


async def test_the_next_window_runs_although_one_has_expired(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    scheduler = await noon_is_staged(scheduler_at, clock, "none", 60)
    await clock.advance(2 * MINUTE)
    (midnight,) = await live_through(scheduler, clock, 12 * HOUR)
    assert midnight.job.schedule_window == clock.now().replace(hour=0, minute=0)


async def test_a_pause_does_not_prolong_the_grace_of_a_window_that_is_not_caught_up(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    scheduler = await noon_is_staged(scheduler_at, clock, "none", 60)
    await Queries(scheduler).pause_task("dose")
    await clock.advance(10 * HOUR)
    await Queries(scheduler).resume_task("dose")
    assert await drain(scheduler) == []
    assert await last_status(scheduler) == "expired"


async def test_a_run_that_somebody_asks_for_is_never_too_late(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    scheduler = await noon_is_staged(scheduler_at, clock, "none", 60)
    assert await scheduler.trigger_periodic_job("twice a day") is not None
    await clock.advance(10 * HOUR)
    (manual,) = await drain(scheduler)
    assert manual.job.schedule_window is None
