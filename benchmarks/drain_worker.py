"""A worker process that drains: ``python -m benchmarks.drain_worker SETTINGS`` (see `progress`)."""

from __future__ import annotations

import cProfile
import json
import sys
from datetime import timedelta
from typing import Any

from benchmarks import loop
from benchmarks.fleet_worker import limited
from benchmarks.noop import limited_no_op, no_op
from benchmarks.progress import Progress
from pg_scheduler import Scheduler, VacuumConfig, VacuumPolicy
from pg_scheduler.engine.minute_keeper import MinuteKeeper


class Counting:
    """An observer that keeps the progress."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def job_started(self, job: object) -> None:
        """It starts."""
        self.progress.started()

    def job_settled(self, job: object, verdict: object, took: timedelta, accepted: bool) -> None:
        """The server has confirmed its end."""
        self.progress.finished()

    def pass_finished(self, service: str) -> None:
        """Nothing to count."""


def scheduler_for(settings: dict[str, Any], **more: Any) -> Scheduler:
    """A scheduler with the settings' options and retention."""
    immediate = VacuumPolicy.immediate()
    retention = VacuumConfig(completed=immediate) if settings.get("immediate") else VacuumConfig()
    return Scheduler.connect(
        settings["dsn"],
        library=settings["library"],
        vacuum_config=retention,
        **settings.get("options", {}),
        **more,
    )


class Noticing:
    """An observer of events, as somebody's own."""

    def __init__(self) -> None:
        self.noticed = 0

    def observe(self, event: object) -> None:
        """Something has happened."""
        self.noticed += 1


def watchers(watched: str) -> list[Any]:
    """Observers besides the one that keeps the progress."""
    if watched == "by nobody":
        for method in ("note_started", "note_settled"):
            setattr(MinuteKeeper, method, lambda keeper, told: None)
    if watched != "by all":
        return []
    from prometheus_client import CollectorRegistry

    from pg_scheduler_prometheus import WorkerMetrics

    return [WorkerMetrics(CollectorRegistry()), Noticing()]


async def work(settings: dict[str, Any]) -> None:
    """Run no-op jobs from the barrier until standard input ends."""
    progress = Progress()
    watching = watchers(settings.get("watched", ""))
    scheduler = scheduler_for(settings, observers=[Counting(progress), *watching])
    scheduler.register(no_op)
    if settings.get("limited"):
        scheduler.register(limited)
        scheduler.register(limited_no_op)
    await scheduler.open()
    profile = cProfile.Profile() if settings.get("profile") else None
    async with progress.until_told():
        if profile:
            profile.enable()
        await scheduler.start()
    if profile:
        profile.disable()
        profile.dump_stats(settings["profile"])
    await scheduler.shutdown()


if __name__ == "__main__":
    loop.run(work(json.loads(sys.argv[1])))
