"""PgQueuer, 0.20 to 1.x: `pgqueuer`, jobs that are queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.priority import MAX_RANK, MIN_RANK, rank_of_priority
from pg_scheduler_import.foreign import Refused, Row, identifier, job_id_of, require, task_named

NEEDED = {"id", "priority", "created", "entrypoint", "payload", "status"}
NO_ARGUMENTS = '{"args":[],"kwargs":{}}'


class PgQueuerTable:
    """The queue of PgQueuer.

    Args:
        schema: where its tables live.
        prefix: what its settings put before their names (PGQUEUER_PREFIX).
        renamed: names of entrypoints here, by those that they have there.
    """

    name = "pgqueuer"
    waits_as = "queued"

    def __init__(
        self, schema: str = "public", prefix: str = "", renamed: Mapping[str, str] | None = None
    ) -> None:
        self._schema = schema
        self._table = f"{prefix}pgqueuer"
        self._sql = f"{identifier('schema', schema)}.{identifier('prefix', self._table)}"
        self._renamed = renamed or {}

    async def check(self, connection: asyncpg.Connection) -> None:
        hint = "Its schema and prefix are given by --from-schema and --prefix"
        await require(connection, self._schema, self._table, NEEDED, hint)

    async def waiting(
        self, connection: asyncpg.Connection, after: int, limit: int, lock: bool
    ) -> Sequence[Row]:
        # Its workers take rows in the same way, so each job is taken by one of both.
        locked = "FOR UPDATE SKIP LOCKED" if lock else ""
        found: Sequence[Row] = await connection.fetch(
            f"SELECT * FROM {self._sql} WHERE status = 'queued' AND id > $1 ORDER BY id LIMIT $2 {locked}",
            after,
            limit,
        )
        return found

    async def held_back(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> Mapping[int, str]:
        return {}

    def job_of(self, row: Row) -> NewJob:
        rank = rank_of_priority(row["priority"])
        if not MIN_RANK <= rank <= MAX_RANK:
            raise Refused(f"its priority {row['priority']} is out of range")
        key = row.get("dedupe_key")
        return NewJob(
            job_id=job_id_of(self.name, row["id"]),
            task_name=task_named(row["entrypoint"], self._renamed),
            execution_time=_time(row.get("execute_after") or row["created"]),
            task_data=NO_ARGUMENTS,
            rank=rank,
            payload=row["payload"],
            headers=_headers(row.get("headers")),
            dedupe_key=None if key is None else checked_name("dedupe_key", key),
        )

    async def delete(self, connection: asyncpg.Connection, ids: Sequence[int]) -> None:
        await connection.execute(f"DELETE FROM {self._sql} WHERE id = ANY ($1::bigint[])", ids)

    async def counts(self, connection: asyncpg.Connection) -> dict[str, int]:
        rows = await connection.fetch(
            f"SELECT status::text, pg_catalog.count(*) FROM {self._sql} GROUP BY 1 ORDER BY 1"
        )
        return {row["status"]: row["count"] for row in rows}


def _headers(text: str | None) -> str | None:
    """JSON null, which it writes where there are none, is none here."""
    if text is None or text == "null":
        return None
    if not text.startswith("{"):
        raise InvalidInput("headers", "are no JSON object")
    return text


def _time(value: datetime) -> datetime:
    """A time that exists; asyncpg reads an infinite one as the first or last that Python knows."""
    if value.tzinfo is None or not 1 < value.year < 9999:
        raise Refused(f"its time cannot be: {value}")
    return value.astimezone(UTC)
