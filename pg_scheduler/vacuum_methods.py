"""The scheduler's methods for the retention of finished jobs."""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.inputs import checked_positive
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.scheduler_parts import SchedulerParts


class VacuumMethods(SchedulerParts):
    """What `Scheduler` offers for retention."""

    async def run_vacuum(self) -> dict[str, int]:
        """Delete now what the policies no longer keep, whether vacuuming is enabled or not; how many jobs of
        each status. All zero if another worker is at it."""
        await self.open()
        deleted = await self._worker.services.pruner.prune_once()
        return {str(status): count for status, count in deleted.items()}

    async def get_vacuum_stats(self, days: int = 7) -> list[dict[str, Any]]:
        """One dict per day (UTC) with deletions, latest first: day, deleted_completed, deleted_failed,
        deleted_cancelled, deleted_expired, runs, last_run. Kept with ``track_metrics=True``."""
        await self.open()
        found = await self.driver.retention.vacuum_stats(
            checked_positive("days", days), now=self.clock.pinned()
        )
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
        found = await self.driver.retention.vacuum_stats(None, now=self.clock.pinned())
        finished = [status for status in JobStatus if status.finished]
        return {
            **{f"total_{status}": sum(day.deleted[status] for day in found) for status in finished},
            "last_vacuum_run": max((day.last_run for day in found), default=None),
        }
