"""The scheduler's methods for schedules: documented names over the schedule book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pg_scheduler.client.schedule_book import ScheduleInfo
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.periodic import PeriodicJobConfig
from pg_scheduler.scheduler_parts import SchedulerParts


class ScheduleMethods(SchedulerParts):
    """What `Scheduler` offers for schedules; all of it works in the whole cluster."""

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
