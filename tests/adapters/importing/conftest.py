"""Tables as other queues have them, without those queues; `tests.importing` has the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler_import import ForeignQueue, PgQueuerTable, ProcrastinateTable

PGQUEUER = """
    CREATE TYPE pgqueuer_status AS ENUM ('queued', 'picked', 'failed');
    CREATE TABLE pgqueuer (
        id bigserial PRIMARY KEY, priority integer NOT NULL DEFAULT 0,
        created timestamptz NOT NULL DEFAULT now(),
        execute_after timestamptz NOT NULL DEFAULT now(), status pgqueuer_status NOT NULL DEFAULT 'queued',
        entrypoint text NOT NULL DEFAULT 'mail', dedupe_key text, payload bytea, headers jsonb
    );
"""
PROCRASTINATE = """
    CREATE TABLE procrastinate_jobs (
        id bigserial PRIMARY KEY, queue_name text NOT NULL DEFAULT 'default',
        task_name text NOT NULL DEFAULT 'mail',
        priority integer NOT NULL DEFAULT 0, lock text, queueing_lock text, args jsonb NOT NULL DEFAULT '{}',
        status text NOT NULL DEFAULT 'todo', scheduled_at timestamptz, attempts integer NOT NULL DEFAULT 0
    );
"""


@pytest.fixture(params=["pgqueuer", "procrastinate"])
def source(request: pytest.FixtureRequest) -> ForeignQueue:
    """Each of them."""
    made: ForeignQueue = PgQueuerTable() if request.param == "pgqueuer" else ProcrastinateTable()
    return made


@pytest.fixture
async def theirs(sql: asyncpg.Connection) -> asyncpg.Connection:
    """A connection to the database in which both have their tables."""
    await sql.execute(PGQUEUER + PROCRASTINATE)
    return sql


@pytest.fixture
async def scheduler(dsn: str) -> AsyncIterator[Scheduler]:
    """Ours, with its tables."""
    scheduler = Scheduler.connect(dsn)
    await scheduler.initialize_db()
    yield scheduler
    await scheduler.shutdown()
