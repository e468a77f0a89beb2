"""`SyncQueries` where there is no event loop: scripts, and threads of a web server."""

from __future__ import annotations

import asyncio

import asyncpg
import psycopg
import psycopg_pool

from pg_scheduler import SyncQueries


async def test_jobs_are_enqueued_from_threads_that_share_a_pool(dsn: str, sql: asyncpg.Connection) -> None:
    with psycopg_pool.ConnectionPool(dsn, min_size=1, max_size=3, open=True) as pool:
        queries = SyncQueries(pool)
        await asyncio.to_thread(queries.enqueue, "mail", b"first")
        found = await asyncio.gather(
            *(asyncio.to_thread(queries.enqueue, "mail", b"x") for _ in range(20)),
            *(asyncio.to_thread(queries.enqueue, ["mail", "mail"]) for _ in range(3)),
        )
    assert len({job_id for ids in found for job_id in ids}) == 26
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE status = 'pending'") == 27


async def test_a_job_is_enqueued_in_the_callers_transaction(dsn: str, sql: asyncpg.Connection) -> None:
    def view(commit: bool) -> None:
        with psycopg.connect(dsn) as connection:
            SyncQueries(connection).enqueue("mail", b"x")
            if not commit:
                connection.rollback()

    with SyncQueries(dsn) as queries:
        queries.install()
    await asyncio.to_thread(view, True)
    await asyncio.to_thread(view, False)
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == 1
