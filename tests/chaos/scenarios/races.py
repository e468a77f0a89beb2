"""Leases end just when their jobs do: the reaper, the late completion and the next claim meet."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pg_scheduler import Scheduler
from pg_scheduler.ports.leases import ReclaimRequest
from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage
from tests.chaos.tasks import outlast_lease

REAPERS = 2


async def reap_without_pause(stage: Stage) -> None:
    """Take back what is over from several connections, again and again, until cancelled."""
    schedulers = [Scheduler(stage.dsn, library=stage.library) for _ in range(REAPERS)]
    request = ReclaimRequest(timedelta(seconds=2 * stage.options.lease), max_crashes=100_000)
    try:
        await asyncio.gather(*(_reap(scheduler, request) for scheduler in schedulers))
    finally:
        for scheduler in schedulers:
            await scheduler.shutdown()


async def _reap(scheduler: Scheduler, request: ReclaimRequest) -> None:
    await scheduler.open()
    while True:
        await scheduler.driver.jobs.reclaim_expired(request)
        await asyncio.sleep(0.001)


RACES = Scenario(
    name="races",
    summary="no lease is renewed, and most jobs last as long as one: all races with the reaper",
    jobs=500,
    kinds=(
        Kind(0.5, (1985, 2015), func=outlast_lease),
        Kind(0.3, (1900, 2100), func=outlast_lease),
        # Failed by the next attempt, the job waits: pending, of a later epoch than the late completion's.
        Kind(0.2, (1990, 2200), failing_attempt=2, func=outlast_lease),
    ),
    damage=reap_without_pause,
    must_show=("extra", "refused", "lapsed", "late"),
    seconds=12,
    launch={"renews": False},
    leases_lapse=True,
)
