"""The harness's own look at the table, beside every driver."""

from __future__ import annotations

from dataclasses import dataclass
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


class Table:
    """A plain connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def finished(self) -> int:
        """How many jobs have ended, in whatever state."""
        number: int = await self._connection.fetchval(
            "SELECT count(*) FROM scheduled_jobs WHERE status <> ALL ($1::text[])", UNFINISHED
        )
        return number

    async def lost_leases(self) -> dict[tuple[str, int], str]:
        """The workers that lost a lease, by job and epoch."""
        rows = await self._connection.fetch(
            "SELECT job_id, epoch, worker_id FROM scheduled_job_attempts WHERE outcome = 'lost'"
        )
        return {(row["job_id"], row["epoch"]): row["worker_id"] for row in rows}

    async def stolen_leases(self, seconds: float) -> int:
        """How many leases of that length were taken back sooner after their claim."""
        number: int = await self._connection.fetchval(
            "SELECT count(*) FROM scheduled_job_attempts WHERE outcome = 'lost'"
            " AND finished_at < started_at + make_interval(secs => $1)",
            seconds,
        )
        return number

    async def value(self, query: str, *arguments: object) -> Any:
        """The one value that a query gives."""
        return await self._connection.fetchval(query, *arguments)

    async def rows(self) -> dict[str, Row]:
        """All jobs by id."""
        rows = await self._connection.fetch(
            "SELECT job_id, status, epoch, worker_id,"
            " extract(EPOCH FROM finished_at)::double precision AS finished_at FROM scheduled_jobs"
        )
        return {row["job_id"]: Row(**dict(row)) for row in rows}
