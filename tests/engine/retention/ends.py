"""Jobs that end in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pg_scheduler import JobStatus, Scheduler, VacuumConfig, VacuumPolicy
from pg_scheduler.client.source import Library
from pg_scheduler.testing import ManualClock, drain

NEVER = VacuumPolicy.never()
KEEP_ALL = VacuumConfig(completed=NEVER, failed=NEVER, cancelled=NEVER, expired=NEVER)


@dataclass
class Made:
    """Makes schedulers over one source and closes none of them."""

    source: Callable[[], tuple[Any, Library | None]]
    clock: ManualClock
    made: list[Scheduler]

    def __call__(self, config: VacuumConfig = KEEP_ALL, **options: Any) -> Scheduler:
        """One more scheduler over the same database."""
        source, library = self.source()
        scheduler = Scheduler(source, clock=self.clock, library=library, vacuum_config=config, **options)
        self.made.append(scheduler)
        return scheduler


async def succeed() -> None:
    """Completes."""


async def also_succeed() -> None:
    """Completes, under another name."""


async def go_wrong() -> None:
    """Fails."""
    raise RuntimeError("as planned")


async def end_all(
    scheduler: Scheduler, clock: ManualClock, job_ids: Iterable[str], task: Callable[..., Any] = succeed
) -> None:
    """Each job ends a second after the one before."""
    for job_id in job_ids:
        await scheduler.schedule(task, execution_time=clock.now(), job_id=job_id)
        await drain(scheduler)
        await clock.advance(1)


async def end_each_way(scheduler: Scheduler, clock: ManualClock) -> None:
    """One job per finished status, whose id is the status."""
    now = clock.now()
    await scheduler.schedule(
        succeed, execution_time=now - timedelta(hours=1), job_id="expired", misfire_grace_time=5
    )
    await scheduler.schedule(succeed, execution_time=now, job_id="completed")
    await scheduler.schedule(go_wrong, execution_time=now, job_id="failed")
    await scheduler.schedule(succeed, execution_time=now + timedelta(days=9), job_id="cancelled")
    assert await scheduler.cancel_job("cancelled")
    await drain(scheduler)


async def left(scheduler: Scheduler) -> set[str]:
    """Ids of the jobs that are still there."""
    return {job.job_id for job in await scheduler.driver.insight.jobs(limit=10_000)}


ALL = {str(status) for status in JobStatus if status.finished}
