"""A worker that has stopped is not in the list of workers."""

from __future__ import annotations

import asyncio

from pg_scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.memory.jobs import MemoryJobs


class EagerToRenew(MemoryJobs):
    """Asks for a renewal at the worst moment: when the worker has just said goodbye."""

    scheduler: Scheduler

    async def forget_worker(self, worker_id: str) -> None:
        await super().forget_worker(worker_id)
        self.scheduler.worker.services.lease_keeper.poke()
        for _ in range(20):
            await asyncio.sleep(0)


async def test_a_renewal_during_shutdown_does_not_bring_the_worker_back() -> None:
    driver = MemoryDriver()
    jobs = driver.jobs = EagerToRenew(driver.state)
    jobs.scheduler = Scheduler(driver)
    async with jobs.scheduler:
        while not await driver.insight.workers():
            await asyncio.sleep(0)
    assert await driver.insight.workers() == []
