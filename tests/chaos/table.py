"""The harness's own look at the table, beside every driver."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

UNFINISHED = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Row:
    """One job as stored."""

    job_id: str
    status: str
    epoch: int
    worker_id: str | None
    finished_at: float | None
    """Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class LostLease:
    """One that was taken back."""

    worker_id: str
    """Whose it was."""
    at: float
    """When that was. Unix time in seconds, by the database's clock."""
    claimed: float
    """When it had been given."""


@dataclass(frozen=True, slots=True)
class WindowsOf:
    """One schedule's windows that are jobs."""

    stored: list[datetime]
    """One per job, in order."""
    incomplete: int
    """Jobs that are not completed."""
    run_count: int
    """Jobs by the schedule's own count, which sees what the job id hides."""
    skipped: int
    """Windows that it says it left out."""

    @property
    def doubled(self) -> int:
        """Jobs beyond one per window."""
        distinct = len(set(self.stored))
        return len(self.stored) - distinct + max(self.run_count - distinct, 0)

    def missed(self, every: timedelta) -> int:
        """Windows of an interval between the first and the last stored one that are no job."""
        if not self.stored:
            return 0
        first = next((one for one in self.stored if not _beyond(one, every)), self.stored[-1])
        wanted = (self.stored[-1] - first) // every + 1
        return wanted - len({one for one in self.stored if one >= first and not _beyond(one, every)})


def _beyond(moment: datetime, every: timedelta) -> timedelta:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) % every


class Table:
    """A plain connection; whoever asks meanwhile waits for their turn."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._turn:
            rows: list[asyncpg.Record] = await self._connection.fetch(query, *arguments)
            return rows

    async def finished(self) -> int:
        """How many planned jobs have ended, in whatever state."""
        number: int = await self.value(
            "SELECT count(*) FROM scheduled_jobs WHERE status <> ALL ($1::text[]) AND job_id LIKE 'job-%'",
            UNFINISHED,
        )
        return number

    async def lost_leases(self) -> dict[tuple[str, int], LostLease]:
        """Those that were taken back, by job and epoch."""
        rows = await self._fetch(
            "SELECT job_id, epoch, worker_id, extract(EPOCH FROM finished_at)::double precision AS at,"
            " extract(EPOCH FROM started_at)::double precision AS claimed"
            " FROM scheduled_job_attempts WHERE outcome = 'lost'"
        )
        return {
            (row["job_id"], row["epoch"]): LostLease(row["worker_id"], row["at"], row["claimed"])
            for row in rows
        }

    async def stolen_leases(self, seconds: float) -> int:
        """How many leases of that length were taken back sooner after their claim."""
        number: int = await self.value(
            "SELECT count(*) FROM scheduled_job_attempts WHERE outcome = 'lost'"
            " AND finished_at < started_at + make_interval(secs => $1)",
            seconds,
        )
        return number

    async def windows(self, key: str) -> WindowsOf:
        """What became of a schedule's windows, all seen at one moment: it may go on."""
        (row,) = await self._fetch(
            "SELECT schedule.run_count, schedule.skipped_count, count(job.job_id) FILTER"
            " (WHERE job.status <> 'completed') AS incomplete, array_agg(job.schedule_window"
            " ORDER BY job.schedule_window) FILTER (WHERE job.job_id IS NOT NULL) AS stored"
            " FROM scheduled_job_schedules AS schedule LEFT JOIN scheduled_jobs AS job"
            " ON job.schedule_key = schedule.schedule_key AND job.schedule_window IS NOT NULL"
            " WHERE schedule.schedule_key = $1 GROUP BY schedule.run_count, schedule.skipped_count",
            key,
        )
        return WindowsOf(row["stored"] or [], row["incomplete"], row["run_count"], row["skipped_count"])

    async def value(self, query: str, *arguments: object) -> Any:
        """The one value that a query gives."""
        rows = await self._fetch(query, *arguments)
        return rows[0][0] if rows else None

    async def pairs(self, query: str, *arguments: object) -> list[tuple[Any, Any]]:
        """The rows of a query that gives two columns."""
        return [(row[0], row[1]) for row in await self._fetch(query, *arguments)]

    async def rows(self) -> dict[str, Row]:
        """All jobs by id."""
        rows = await self._fetch(
            "SELECT job_id, status, epoch, worker_id,"
            " extract(EPOCH FROM finished_at)::double precision AS finished_at FROM scheduled_jobs"
        )
        return {row["job_id"]: Row(**dict(row)) for row in rows}
