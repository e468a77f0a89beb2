"""The scheduler's methods for schedules and retention: documented names over the schedule book and pruner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pg_scheduler.domain.inputs import checked_positive
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.schedule_requests import ScheduleRequest
from pg_scheduler.periodic import PeriodicJobConfig
from pg_scheduler.schedule_book import ScheduleBook, ScheduleInfo

if TYPE_CHECKING:
    from pg_scheduler.engine.worker import Worker
    from pg_scheduler.ports.clock import Clock
    from pg_scheduler.ports.driver import Driver


class ScheduleMethods:
    """What `Scheduler` offers for schedules; all of it works in the whole cluster."""

    schedules: ScheduleBook

    def get_periodic_jobs(self) -> dict[str, PeriodicJobConfig]:
        """The functions decorated with @periodic in this process, by dedup key."""
        return self.schedules.configs()

    def enable_periodic_job(self, dedup_key: str) -> bool:
        """Resume a schedule everywhere. True if this process has it; the change is made in the background
        (`await resume_schedule(key)` waits for it). It goes on with the first window after now."""
        return self.schedules.set_paused_soon(dedup_key, paused=False)

    def disable_periodic_job(self, dedup_key: str) -> bool:
        """Pause a schedule everywhere, through restarts and deploys, until it is enabled. As above."""
        return self.schedules.set_paused_soon(dedup_key, paused=True)

    async def trigger_periodic_job(self, dedup_key: str) -> str | None:
        """Run it now, with its retries and its lock; the job's id, or None if there is no such schedule."""
        return await self.schedules.trigger(dedup_key)

    def get_periodic_job_status(self, dedup_key: str) -> dict[str, Any] | None:
        """What this process knows: names, settings, enabled, the next run by its own clock. None if it has
        no such function. `schedule_status` asks the database."""
        return self.schedules.known_status(dedup_key)

    async def schedule_status(self, key: str) -> dict[str, Any] | None:
        """The same, read from the database, with last_run, last_status, run_count and skipped_count."""
        return await self.schedules.status(key)

    async def pause_schedule(self, key: str) -> bool:
        """Pause a schedule everywhere; False if there is none."""
        return await self.schedules.set_paused(key, paused=True)

    async def resume_schedule(self, key: str) -> bool:
        """Resume a schedule everywhere; False if there is none."""
        return await self.schedules.set_paused(key, paused=False)

    async def add_schedule(self, task: Callable[..., Any] | str, **settings: Any) -> str:
        """Store a schedule at run time; its key. It runs until removed, whether this program lives or not.

        Args:
            task: an async function, or the name of a task that a worker knows.
            settings: `every` or `cron` with `timezone`; `args` and `kwargs`; `key`, the schedule's identity
                (by default a digest of task, arguments and timing, so that the same call again changes
                nothing; with a key of your own, another expression replaces the old one); and the options
                of @periodic.

        Raises:
            InvalidInput: something that cannot be.
        """
        return await self.schedules.add(_request(task, settings))

    async def update_schedule(self, key: str, **changes: Any) -> None:
        """Change settings of a stored schedule; the others stay. Its mark stays too, so no window runs twice.

        Raises:
            InvalidInput: there is no such schedule or setting.
        """
        await self.schedules.update(key, changes)

    async def remove_schedule(self, key: str) -> bool:
        """Forget a schedule; False if there was none. Jobs it made stay."""
        return await self.schedules.remove(key)

    async def list_schedules(self) -> list[ScheduleInfo]:
        """All stored schedules by key, whoever made them."""
        return await self.schedules.infos()

    async def next_runs(self, key: str, count: int = 5) -> list[datetime]:
        """The next windows of a stored schedule, as if it were not paused.

        Raises:
            InvalidInput: there is no such schedule.
        """
        return await self.schedules.next_runs(key, count)


def _request(task: Callable[..., Any] | str, settings: Mapping[str, Any]) -> ScheduleRequest:
    enabled = bool(settings.get("enabled", True))
    key = settings.get("key")
    rest = {name: value for name, value in settings.items() if name not in ("enabled", "key")}
    return ScheduleRequest(task=task, key=key, enabled=enabled).changed(rest)


class VacuumMethods:
    """What `Scheduler` offers for the retention of finished jobs."""

    driver: Driver
    clock: Clock

    if TYPE_CHECKING:

        @property
        def worker(self) -> Worker: ...

        async def open(self) -> None: ...

    async def run_vacuum(self) -> dict[str, int]:
        """Delete now what the policies no longer keep, whether vacuuming is enabled or not; how many jobs of
        each status. All zero if another worker is at it."""
        await self.open()
        deleted = await self.worker.pruner.prune_once()
        return {str(status): count for status, count in deleted.items()}

    async def get_vacuum_stats(self, days: int = 7) -> list[dict[str, Any]]:
        """One dict per day (UTC) with deletions, latest first: day, deleted_completed, deleted_failed,
        deleted_cancelled, deleted_expired, runs, last_run. Kept with ``track_metrics=True``."""
        await self.open()
        found = await self.driver.vacuum_stats(checked_positive("days", days), now=self.clock.pinned())
        return [
            {
                "day": day.day,
                **{f"deleted_{status}": count for status, count in day.deleted.items()},
                "runs": day.runs,
                "last_run": day.last_run,
            }
            for day in found
        ]

    async def get_total_vacuum_stats(self) -> dict[str, Any]:
        """Sums over all time and workers: total_completed, total_failed, total_cancelled, total_expired, and
        last_vacuum_run (None if there was none). Kept with ``track_metrics=True``."""
        await self.open()
        found = await self.driver.vacuum_stats(None, now=self.clock.pinned())
        finished = [status for status in JobStatus if status.finished]
        return {
            **{f"total_{status}": sum(day.deleted[status] for day in found) for status in finished},
            "last_vacuum_run": max((day.last_run for day in found), default=None),
        }
