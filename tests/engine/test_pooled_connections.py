"""The driver's own pools: a connection that the server has ended is never handed to a caller."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg

from pg_scheduler import JobStatus, Scheduler


async def double(number: int) -> int:
    return number * 2


OTHERS = "pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
STILL_THERE = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1::integer[])"


async def test_a_connection_ended_by_the_server_while_idle_is_replaced_unnoticed(
    dsn: str, sql: asyncpg.Connection, library: str
) -> None:
    scheduler = Scheduler(dsn, library=library)
    await scheduler.initialize_db()
    try:
        await scheduler.schedule(double, execution_time=datetime.now(UTC), args=(1,))
        found = await sql.fetch(f"SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}")
        pids = [row["pid"] for row in found]
        async with asyncio.timeout(45):
            while await sql.fetchval(STILL_THERE, pids):
                await asyncio.sleep(0.01)
        handle = await scheduler.schedule(double, execution_time=datetime.now(UTC), args=(2,))
        assert await handle.status() is JobStatus.PENDING
    finally:
        await scheduler.shutdown()
