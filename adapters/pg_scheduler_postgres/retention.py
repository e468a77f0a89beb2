"""Deleting finished jobs, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.domain.retention import AWAITED_STAY, VacuumPolicy, VacuumTrigger
from pg_scheduler.domain.states import FINISHED, JobStatus
from pg_scheduler.ports.retention import VacuumDay
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.link import Link


class PostgresRetention:
    """`Retention` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def prune(
        self, status: JobStatus, policy: VacuumPolicy, limit: int, *, now: datetime | None = None
    ) -> int:
        if policy.trigger is VacuumTrigger.NEVER:
            return 0
        wanted: dict[str, Any] = {
            "status": str(status),
            "limit": limit,
            "awaited_seconds": AWAITED_STAY.total_seconds(),
        }
        if policy.trigger is VacuumTrigger.COUNT_BASED:
            rows = await self._link.run("prune_by_count", now=now, keep=policy.keep_count, **wanted)
        else:
            rows = await self._link.run("prune_by_age", now=now, days=policy.age.days, **wanted)
        deleted: int = rows[0]["deleted"]
        return deleted

    async def forget_acts(self, kept: timedelta, limit: int, *, now: datetime | None = None) -> int:
        (row,) = await self._link.run("forget_acts", now=now, kept_seconds=kept.total_seconds(), limit=limit)
        deleted: int = row["deleted"]
        return deleted

    async def record_vacuum(self, deleted: Mapping[JobStatus, int], *, now: datetime | None = None) -> None:
        await self._link.run(
            "record_vacuum",
            now=now,
            completed=deleted.get(JobStatus.COMPLETED, 0),
            failed=deleted.get(JobStatus.FAILED, 0),
            cancelled=deleted.get(JobStatus.CANCELLED, 0),
            expired=deleted.get(JobStatus.EXPIRED, 0),
        )

    async def vacuum_stats(self, days: int | None, *, now: datetime | None = None) -> list[VacuumDay]:
        rows = await self._link.run("vacuum_stats", now=now, days=days)
        return [
            VacuumDay(
                day=row["day"],
                deleted={status: row[f"deleted_{status}"] for status in JobStatus if status in FINISHED},
                runs=row["runs"],
                last_run=instant(row["last_run"]),
            )
            for row in rows
        ]
