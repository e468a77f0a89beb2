"""What the jobs of the simulation do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pg_scheduler.domain.errors import RetryAfter, Snooze
from pg_scheduler.ports.job_context import current_job
from tests.simulation.ledger import Grant
from tests.simulation.plan import CODE_KEYS
from tests.simulation.virtual_loop import Host
from tests.simulation.world import World


def handler_for(world: World, host: Host) -> Callable[[], Awaitable[None]]:
    """A function that does, at each start of a job, what the job's script says next; then it returns."""
    scripts = {job.job_id: (job.script, job.seconds) for job in world.plan.jobs}
    of_schedules = {schedule.key: schedule.seconds for schedule in world.plan.schedules}
    if world.plan.code is not None:
        of_schedules |= dict.fromkeys(CODE_KEYS, world.plan.code.seconds)

    async def work() -> None:
        context = current_job()
        job_id = context.job_id
        parts = job_id.split(":")
        script, seconds = scripts.get(job_id) or ((), of_schedules.get(parts[1], 0.0))
        number = world.ledger.starts_of.get(job_id, 0)
        world.ledger.starts_of[job_id] = number + 1
        step = script[number] if number < len(script) else "return"
        story = world.ledger.story(job_id)
        grant = story.grant_of(host)
        world.note(f"{job_id} begins: {step}", host.name)
        if grant is not None:
            _check_lease(world, job_id, grant)
            grant.known_at = world.loop.time()
        context.progress(0, 1)
        await _act(step, seconds, world, host)
        story.returned += 1
        if grant is not None:
            grant.done_at = world.loop.time()
        world.note(f"{job_id} is done", host.name)

    return work


def _check_lease(world: World, job_id: str, grant: Grant) -> None:
    """Nothing begins under a lease that is over. (Who waits for a lock begins later, but renews.)"""
    row = world.store.state.jobs.get(job_id)
    exclusive = row is not None and row.new.exclusive_key is not None
    if not exclusive and world.loop.time() - grant.at > grant.lease.total_seconds():
        world.judge.violate(f"{job_id} begins on {grant.host.name}, its lease being over")


async def _act(step: str, seconds: float, world: World, host: Host) -> None:
    match step:
        case "hang":
            await asyncio.Event().wait()
        case "die":
            await asyncio.sleep(seconds / 2)
            world.crash(host)
            await asyncio.Event().wait()
        case "swallow":
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                await asyncio.sleep(1.0)
        case _:
            await asyncio.sleep(seconds)
    match step:
        case "fail":
            raise ValueError("as its script says")
        case "snooze":
            raise Snooze(timedelta(seconds=4))
        case "retry after":
            raise RetryAfter(timedelta(seconds=3)) from ValueError("later, perhaps")
