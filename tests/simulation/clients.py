"""Programs that submit jobs, cancel and replace them, and add schedules; they try until they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

from pg_scheduler import ConflictResolution, Scheduler
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.ports.driver import Driver
from tests.simulation.clock import HostClock
from tests.simulation.plan import AFTER, CODE_KEYS, JobPlan, SchedulePlan, patience_of
from tests.simulation.virtual_loop import Host
from tests.simulation.world import World


class Clients:
    """Everybody who asks for something, on a host of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.host = Host("client")
        self._scheduler = self.host.context.run(
            Scheduler,
            cast(Driver, world.driver_for(self.host)),
            clock=HostClock(world.network),
            misfire_grace_time=None,
            periodic_jobs_enabled=False,
        )

    def begin(self) -> list[asyncio.Task[None]]:
        """Start everything that is planned; done when every answer has come."""
        wishes: list[Any] = []
        for job in self._world.plan.jobs:
            wishes.append(self._submit(job, job.submit_at, ConflictResolution.IGNORE))
            if job.replace_at is not None:
                wishes.append(self._submit(job, job.replace_at, ConflictResolution.REPLACE))
            if job.again_at is not None:
                wishes.append(self._submit(job, job.again_at, ConflictResolution.IGNORE))
            if job.cancel_at is not None:
                wishes.append(self._cancel(job.job_id, job.cancel_at))
        wishes += [self._schedule(schedule) for schedule in self._world.plan.schedules]
        if self._world.plan.code is not None:
            wishes.append(self._end_the_code_schedule())
        return [self._world.loop.create_task(wish, context=self.host.context) for wish in wishes]

    async def _submit(self, job: JobPlan, at: float, conflict: ConflictResolution) -> None:
        await asyncio.sleep(at)

        async def ask() -> None:
            await self._scheduler.schedule(
                job.task,
                execution_time=self._world.network.store_time() + timedelta(seconds=job.due_in),
                priority=job.rank,
                max_retries=job.max_retries,
                job_id=job.job_id,
                conflict_resolution=conflict,
                misfire_grace_time=job.grace,
                timeout=job.timeout,
                limit_key=job.limit_key if job.task == "narrow" else None,
                queue=job.queue,
            )

        await self._insist(ask)
        self._world.ledger.acknowledged.add(job.job_id)

    async def _cancel(self, job_id: str, at: float) -> None:
        await asyncio.sleep(at)
        await self._insist(lambda: self._scheduler.cancel_job(job_id))

    async def _schedule(self, plan: SchedulePlan) -> None:
        scheduler, chaos = self._scheduler, self._world.plan.chaos
        await self._insist(lambda: self._add(plan, plan.task))
        await asyncio.gather(self._rename(plan), self._pause(plan))
        await asyncio.sleep(max(chaos + 5 - self._world.loop.time(), 0))
        if plan.rename_at is None:
            await self._insist(lambda: scheduler.remove_schedule(plan.key))
        else:  # runs that are taken back from now on still have to find their schedule's name
            await self._insist(lambda: scheduler.pause_schedule(plan.key))

    async def _rename(self, plan: SchedulePlan) -> None:
        if plan.rename_at is not None:
            await asyncio.sleep(max(plan.rename_at - self._world.loop.time(), 0))
            await self._insist(lambda: self._add(plan, AFTER))

    async def _pause(self, plan: SchedulePlan) -> None:
        scheduler = self._scheduler
        if plan.pause_at is not None:
            await asyncio.sleep(max(plan.pause_at - self._world.loop.time(), 0))
            await self._insist(lambda: scheduler.pause_schedule(plan.key))
            await asyncio.sleep(plan.pause_for)
            await self._insist(lambda: scheduler.resume_schedule(plan.key))

    async def _add(self, plan: SchedulePlan, task: str) -> None:
        await self._scheduler.add_schedule(
            task,
            key=plan.key,
            every=timedelta(seconds=plan.every),
            catch_up=plan.catch_up,
            overlap=plan.overlap,
            use_advisory_lock=plan.exclusive,
            misfire_grace_time=None,
        )

    async def _end_the_code_schedule(self) -> None:
        """Pause it once it has gone on after all that went wrong."""
        world, code = self._world, self._world.ledger.code
        assert code is not None
        await asyncio.sleep(world.plan.chaos + 1)
        # One whose runs are slower than its interval may be far behind, and yet goes on.
        seen, patience = set(code.decided), world.loop.time() + patience_of(world.plan) / 2
        while code.decided <= seen:
            if world.loop.time() > patience:
                world.judge.violate("the schedule of the code has gone silent")
                break
            await asyncio.sleep(1.0)
        await self._insist(self._pause_the_code_schedule)

    async def _pause_the_code_schedule(self) -> None:
        """Under all its keys, until none goes on: between the list and the pauses a release may have brought
        another key. What comes later inherits the pause."""
        goes_on = True
        while goes_on:
            found = [info for info in await self._scheduler.list_schedules() if info.key in CODE_KEYS]
            goes_on = any(info.enabled for info in found)
            for info in found if goes_on else ():
                await self._scheduler.pause_schedule(info.key)

    async def _insist(self, ask: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                await ask()
            except DatabaseError:
                await asyncio.sleep(self._world.chance.uniform(0.1, 2.0))
            else:
                return
