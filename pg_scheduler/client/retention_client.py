"""Retention on request: delete now, and show what was deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pg_scheduler.client.job_client import JobClient
from pg_scheduler.domain.inputs import checked_positive
from pg_scheduler.domain.states import JobStatus


class RetentionClient:
    """Deletes finished jobs on request, and reads the daily statistics.

    Args:
        prune: makes one pass by the policies of the scheduler; how many jobs of each status it deleted.
    """

    def __init__(self, client: JobClient, prune: Callable[[], Awaitable[Mapping[JobStatus, int]]]) -> None:
        self._client = client
        self._prune = prune

    async def run(self) -> dict[str, int]:
        """Delete now; how many jobs of each status. All zero if another worker is at it."""
        await self._client.open()
        return {str(status): count for status, count in (await self._prune()).items()}

    async def by_day(self, days: int) -> list[dict[str, Any]]:
        """One dict per day (UTC) with deletions, latest first."""
        await self._client.open()
        found = await self._client.driver.retention.vacuum_stats(
            checked_positive("days", days), now=self._client.clock.pinned()
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

    async def totals(self) -> dict[str, Any]:
        """Sums over all time and workers."""
        await self._client.open()
        found = await self._client.driver.retention.vacuum_stats(None, now=self._client.clock.pinned())
        finished = [status for status in JobStatus if status.finished]
        return {
            **{f"total_{status}": sum(day.deleted[status] for day in found) for status in finished},
            "last_vacuum_run": max((day.last_run for day in found), default=None),
        }
