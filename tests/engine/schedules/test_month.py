"""A month of schedules, lived through at once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from pg_scheduler import Scheduler, periodic
from pg_scheduler.testing import ManualClock, MemoryDriver, live_through

HOUR = timedelta(hours=1)


@pytest.mark.slow
async def test_a_month_runs_every_window_at_its_own_instant() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    ran: list[tuple[str, datetime]] = []

    @periodic(every=HOUR)
    async def hourly() -> None:
        ran.append(("hourly", clock.now()))

    @periodic(cron="30 2 * * *", timezone="America/New_York")
    async def nightly() -> None:
        ran.append(("nightly", clock.now()))

    @periodic(cron="0 9 * * MON", timezone="Europe/London")
    async def weekly() -> None:
        ran.append(("weekly", clock.now()))

    scheduler = Scheduler(MemoryDriver(), clock=clock)
    lived = await live_through(scheduler, clock, timedelta(days=31))
    assert all(drained.completed for drained in lived)
    assert Counter(name for name, _ in ran) == {"hourly": 31 * 24, "nightly": 31, "weekly": 5}
    assert [moment for _, moment in ran] == sorted(moment for _, moment in ran)
    nights = [moment for name, moment in ran if name == "nightly"]
    # On the 8th the clocks of New York skip 02:30: it runs at 03:00, and then an hour sooner in UTC.
    assert [f"{night:%d %H:%M}" for night in nights[6:9]] == ["07 07:30", "08 07:00", "09 06:30"]
    assert [f"{moment:%d %H}" for name, moment in ran if name == "weekly"][-2:] == ["23 09", "30 08"]
    assert clock.now() == datetime(2026, 4, 1, tzinfo=UTC)


async def test_a_month_with_failures_has_their_retries_in_it() -> None:
    clock = ManualClock()
    tries: list[datetime] = []

    @periodic(every=timedelta(days=1), max_retries=2)
    async def daily() -> None:
        tries.append(clock.now())
        raise LookupError

    scheduler = Scheduler(MemoryDriver(), clock=clock)
    await live_through(scheduler, clock, timedelta(days=30, hours=1))
    assert len(tries) == 30 * 3
    assert Counter(str(job.status) for job in await scheduler.driver.insight.jobs()) == {"failed": 30}
