"""New zone data: the window that is stored is moved, and run once, at its local time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import Scheduler, periodic
from pg_scheduler.ports.schedule_store import Advance
from pg_scheduler.testing import ManualClock, drain, live_through
from tests.engine.schedules.conftest import MakeScheduler

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NINE = datetime(2030, 2, 1, 7, tzinfo=UTC)
"""Of the first of February, two hours east of Greenwich."""


def invoices() -> None:
    """Written on the first of each month, at nine."""

    @periodic(cron="0 9 1 * *", timezone="Etc/GMT-2", dedup_key="invoices")
    async def invoice() -> None: ...


async def computed_with_other_data(scheduler: Scheduler, wrong: datetime) -> None:
    """As if the worker that stored the next window had had other zone data."""
    await drain(scheduler)
    (record,) = await scheduler.driver.schedules.list_schedules(["invoices"])
    assert record.next_window == NINE
    step = Advance("invoices", record.new.spec_hash, NINE, None, wrong, (), 0, unless_busy=False)
    assert await scheduler.driver.schedules.advance_schedules([step]) == [True]


def windows(lived: list[Any]) -> list[datetime | None]:
    return [one.job.schedule_window for one in lived]


@pytest.mark.parametrize("hours", [-1, 1, 2, -12])
async def test_after_a_start_with_new_zone_data_a_run_is_neither_doubled_nor_late(
    scheduler_at: MakeScheduler, hours: int
) -> None:
    invoices()
    clock = ManualClock(datetime(2030, 1, 10, tzinfo=UTC))
    await computed_with_other_data(scheduler_at(clock), NINE + hours * HOUR)
    await clock.advance(10 * DAY)
    scheduler = scheduler_at(clock)
    (only,) = await live_through(scheduler, clock, 20 * DAY)
    record = await scheduler.driver.insight.job(only.job.job_id)
    assert record is not None
    assert (record.schedule_window, record.started_at) == (NINE, NINE)


async def test_a_worker_that_finds_a_window_due_too_early_moves_it(
    scheduler_at: MakeScheduler,
) -> None:
    invoices()
    clock = ManualClock(datetime(2030, 1, 10, tzinfo=UTC))
    scheduler = scheduler_at(clock)
    await computed_with_other_data(scheduler, NINE - HOUR)  # by a worker beside it
    assert windows(await live_through(scheduler, clock, 30 * DAY)) == [NINE]


async def test_a_running_worker_reviews_at_its_start(
    scheduler_at: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    invoices()
    clock = ManualClock(datetime(2030, 1, 10, tzinfo=UTC))
    await computed_with_other_data(scheduler_at(clock), NINE + HOUR)
    worker = scheduler_at(clock)
    await worker.initialize_db()
    await worker.register_schedules()
    await worker.worker.services.zone_review.review()
    (info,) = await worker.list_schedules()
    assert info.next_run == NINE
    assert "schedule 'invoices': by the zone data of this worker its next window is" in caplog.text


async def test_windows_that_were_missed_meanwhile_are_caught_up_once(scheduler_at: MakeScheduler) -> None:
    invoices()
    clock = ManualClock(datetime(2030, 1, 10, tzinfo=UTC))
    await computed_with_other_data(scheduler_at(clock), NINE - HOUR)
    await clock.advance_to(NINE + 3 * DAY)
    late = scheduler_at(clock)
    assert windows(await drain(late)) == [NINE]
    assert windows(await live_through(late, clock, 20 * DAY)) == []
