"""An installation that is interrupted: the error says so, and the next one completes it."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler import ConnectionLost, Scheduler
from pg_scheduler.client.source import Library
from tests.support.running import eventually, idle

_GONE = "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)"


async def test_a_connection_lost_within_a_transaction_is_told_as_connection_lost(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        session = scheduler.driver.link.session  # type: ignore[attr-defined]
        with pytest.raises(ConnectionLost):  # noqa: PT012
            async with session.transaction() as transaction:
                rows = await transaction.fetch("SELECT pg_backend_pid() AS pid")
                await sql.execute("SELECT pg_terminate_backend($1)", rows[0]["pid"])
                # Long enough for this side to have seen the end of the connection, before it is used again.
                for _ in range(2):
                    await eventually(lambda: sql.fetchval(_GONE, rows[0]["pid"]))
                await transaction.fetch("SELECT 1")
        await scheduler.initialize_db()
        assert (await scheduler.driver.schema.status()).current
