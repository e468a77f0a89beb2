"""Procrastinate 3: `procrastinate_jobs`, jobs in todo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.priority import MAX_RANK, MIN_RANK, rank_of_priority
from pg_scheduler.domain.queues import checked_queue
from pg_scheduler_import.foreign import FIRST_ID, Refused, Row, identifier, job_id_of, require, task_named

TABLE = "procrastinate_jobs"
NEEDED = {
    *("id", "queue_name", "task_name", "priority", "lock", "queueing_lock", "args", "status", "scheduled_at"),
}


class ProcrastinateTable:
    """The queue of Procrastinate.

    Jobs with a lock are moved all together: what holds or waits for the same lock runs on one side only.

    Args:
        schema: where its tables live.
        renamed: names of tasks here, by those that they have there.
    """

    name = "procrastinate"
    waits_as = "todo"

    def __init__(self, schema: str = "public", renamed: Mapping[str, str] | None = None) -> None:
        self._schema = schema
        self._sql = f"{identifier('schema', schema)}.{TABLE}"
        self._renamed = renamed or {}

    async def check(self, connection: asyncpg.Connection) -> None:
        await require(connection, self._schema, TABLE, NEEDED, "Its schema is given by --from-schema")

    async def waiting(
        self, connection: asyncpg.Connection, after: int, limit: int, lock: bool
    ) -> Sequence[Row]:
        locked = "FOR UPDATE SKIP LOCKED" if lock else ""
        together: list[Row] = []
        if after == FIRST_ID:
            together = await connection.fetch(
                f"SELECT * FROM {self._sql} WHERE status = 'todo' AND lock IS NOT NULL ORDER BY id {locked}"
            )
        free = await connection.fetch(
            f"SELECT * FROM {self._sql} WHERE status = 'todo' AND lock IS NULL AND id > $1 "
            f"ORDER BY id LIMIT $2 {locked}",
            after,
            limit,
        )
        return [*together, *free]

    async def held_back(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> Mapping[int, str]:
        # A statement of its own: it sees what has begun there while the rows were being locked.
        locks = list({row["lock"] for row in rows if row["lock"] is not None})
        if not locks:
            return {}
        found = await connection.fetch(
            f"SELECT DISTINCT lock FROM {self._sql} WHERE lock = ANY ($1::text[]) "
            "AND (status = 'doing' OR (status = 'todo' AND NOT id = ANY ($2::bigint[])))",
            locks,
            [row["id"] for row in rows],
        )
        busy = {row["lock"] for row in found}
        return {
            row["id"]: f"its lock {row['lock']!r} is in use there: import again later"
            for row in rows
            if row["lock"] in busy
        }

    def job_of(self, row: Row) -> NewJob:
        rank = rank_of_priority(row["priority"])
        if not MIN_RANK <= rank <= MAX_RANK:
            raise Refused(f"its priority {row['priority']} is out of range")
        args, lock, key, at = row["args"], row["lock"], row["queueing_lock"], row["scheduled_at"]
        if not args.startswith("{"):
            raise InvalidInput("args", "are no JSON object")
        return NewJob(
            job_id=job_id_of(self.name, row["id"]),
            task_name=task_named(row["task_name"], self._renamed),
            execution_time=datetime.now(UTC) if at is None else _time(at),
            delay=timedelta(0) if at is None else None,
            task_data=f'{{"args":[],"kwargs":{args}}}',
            rank=rank,
            queue=checked_queue(row["queue_name"]),
            limit_key=None if lock is None else checked_name("limit_key", lock),
            dedupe_key=None if key is None else checked_name("dedupe_key", key),
        )

    async def delete(self, connection: asyncpg.Connection, ids: Sequence[int]) -> None:
        await connection.execute(f"DELETE FROM {self._sql} WHERE id = ANY ($1::bigint[])", ids)

    async def counts(self, connection: asyncpg.Connection) -> dict[str, int]:
        rows = await connection.fetch(
            f"SELECT status::text, pg_catalog.count(*) FROM {self._sql} GROUP BY 1 ORDER BY 1"
        )
        return {row["status"]: row["count"] for row in rows}


def _time(value: datetime) -> datetime:
    if value.tzinfo is None or not 1 < value.year < 9999:
        raise Refused(f"its time cannot be: {value}")
    return value.astimezone(UTC)
