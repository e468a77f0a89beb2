"""The reference: the least that a queue on PostgreSQL must do, on the smallest table that holds its jobs.

No leases, epochs, retries, schedules, limits, history or cancellation; what it does in a second is what the
server, the library and the event loop allow.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

CREATE = """
CREATE TABLE reference_jobs (
    job_id TEXT COLLATE "C" PRIMARY KEY,
    job_name TEXT NOT NULL,
    execution_time TIMESTAMPTZ NOT NULL,
    priority INTEGER NOT NULL,
    task_data JSONB NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    finished_at TIMESTAMPTZ
) WITH (fillfactor = 75);
CREATE INDEX reference_due ON reference_jobs (priority, execution_time, job_id) WHERE status = 'pending';
"""

INSERT = """
INSERT INTO reference_jobs (job_id, job_name, execution_time, priority, task_data)
VALUES ($1, $2, $3, $4, $5)
"""

CLAIM = """
WITH done AS ({finish})
UPDATE reference_jobs
SET status = 'running'
WHERE job_id = ANY (ARRAY(
    SELECT job_id
    FROM reference_jobs
    WHERE status = 'pending' AND execution_time <= now()
    ORDER BY priority, execution_time, job_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
))
RETURNING job_id, job_name, task_data
"""
KEEP = "UPDATE reference_jobs SET status = 'completed', finished_at = now() WHERE job_id = ANY ($1::text[])"
DELETE = "DELETE FROM reference_jobs WHERE job_id = ANY ($1::text[])"

COLUMNS = ("job_id", "job_name", "execution_time", "priority", "task_data")
Record = tuple[str, str, datetime, int, str]


def records(number: int) -> list[Record]:
    """New jobs that are due, with time-ordered ids."""
    now = datetime.now(UTC)
    return [(new_id(), "noop", now, 5, f'{{"args": [{place}]}}') for place in range(number)]


def new_id() -> str:
    """A UUID of version 7, by the book: 48 bits of milliseconds, then randomness."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(secrets.token_bytes(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


async def create(dsn: str) -> None:
    """Create the table."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(CREATE)
    finally:
        await connection.close()


async def copy(connection: asyncpg.Connection, rows: Sequence[Record]) -> None:
    """Store jobs by COPY."""
    await connection.copy_records_to_table("reference_jobs", records=rows, columns=COLUMNS)
