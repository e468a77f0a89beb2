"""Windows that have passed are run on request, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pg_scheduler import InvalidInput, Scheduler, current_job
from pg_scheduler.client import backfilling
from pg_scheduler.domain.audit import Actor
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from pg_scheduler.testing.contract.scene import NOON

HOUR = timedelta(hours=1)
ran: list[object] = []


async def note() -> None:
    ran.append(current_job().execution_time)


@pytest.fixture
async def scheduler() -> Scheduler:
    """With a schedule that was made at noon, and ran at one and at two; it is half past two."""
    ran.clear()
    clock = ManualClock(NOON)
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    scheduler.register(note)
    await scheduler.add_schedule(note, every=HOUR, key="hourly")
    await scheduler.worker.services.stager.stage_once()
    for _ in range(2):
        await clock.advance(HOUR)
        await drain(scheduler)
    await clock.advance(HOUR / 2)
    assert ran == [NOON + HOUR, NOON + 2 * HOUR]
    ran.clear()
    return scheduler


async def test_those_without_a_job_run_at_their_own_times_and_once(scheduler: Scheduler) -> None:
    wanted = [NOON - 2 * HOUR, NOON - HOUR, NOON]
    made = await scheduler.backfill_schedule("hourly", NOON - 2 * HOUR, NOON + 5 * HOUR)
    assert made == wanted
    assert await scheduler.backfill_schedule("hourly", NOON - 2 * HOUR, NOON + 5 * HOUR) == []
    await drain(scheduler)
    assert ran == wanted


async def test_a_range_ends_before_its_end(scheduler: Scheduler) -> None:
    found = await scheduler.schedules.to_backfill("hourly", NOON - HOUR, NOON + HOUR)
    assert (found.windows, found.there) == ((NOON - HOUR, NOON), 0)
    found = await scheduler.schedules.to_backfill("hourly", NOON, NOON + 2 * HOUR)
    assert (found.windows, found.there) == ((NOON,), 1)


async def test_what_the_schedule_decides_about_by_itself_is_left_to_it(scheduler: Scheduler) -> None:
    clock = scheduler.clock
    assert isinstance(clock, ManualClock)
    await clock.advance(HOUR)
    assert await scheduler.backfill_schedule("hourly", NOON + 2 * HOUR, NOON + 9 * HOUR) == []
    await scheduler.pause_schedule("hourly")
    assert await scheduler.backfill_schedule("hourly", NOON + 2 * HOUR, NOON + 9 * HOUR) == [NOON + 3 * HOUR]


async def test_it_is_written_down_with_the_number_of_runs(scheduler: Scheduler) -> None:
    by = Actor("ada", "web")
    with pytest.raises(InvalidInput, match="2 windows have no run now, 3 had none"):
        await scheduler.schedules.backfill("hourly", NOON - HOUR, NOON + HOUR, expected=3, by=by)
    await scheduler.schedules.backfill("hourly", NOON - HOUR, NOON + HOUR, expected=2, by=by)
    (record,) = await scheduler.client.audit()
    assert (record.act, record.subject, record.affected) == ("run schedule", "hourly", 2)


async def test_a_range_is_bounded_and_not_empty(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="until"):
        await scheduler.backfill_schedule("hourly", NOON, NOON)
    monkeypatch.setattr(backfilling, "AT_MOST", 3)
    with pytest.raises(InvalidInput, match="more than 3 windows"):
        await scheduler.backfill_schedule("hourly", NOON - 4 * HOUR, NOON)
    with pytest.raises(InvalidInput, match="no schedule"):
        await scheduler.backfill_schedule("daily", NOON - HOUR, NOON)
