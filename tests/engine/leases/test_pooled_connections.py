"""The driver's own pools: a connection that the server has ended is never handed to a caller."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest

from pg_scheduler import ConnectionLost, JobStatus, Scheduler
from pg_scheduler.client.source import Library
from tests.chaos.network.proxy import TcpProxy
from tests.support.running import idle, within


async def double(number: int) -> int:
    return number * 2


OTHERS = "pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
STILL_THERE = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1::integer[])"


async def test_a_connection_ended_by_the_server_while_idle_is_replaced_unnoticed(
    dsn: str, sql: asyncpg.Connection, library: Library
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


async def test_a_pool_that_gave_up_connects_for_whoever_waits(dsn: str, library: Library) -> None:
    """psycopg's pool stops trying some time into an outage; it connects again when it is asked, but not for
    somebody who has asked before."""
    address = urlsplit(dsn)
    async with (
        TcpProxy(str(address.hostname), int(address.port or 0)) as proxy,
        idle(Scheduler.connect(proxy.dsn(dsn), library=library)) as scheduler,
    ):
        await proxy.refuse()
        for link in list(proxy.links):
            link.reset()
        waiting = asyncio.ensure_future(scheduler.driver.insight.counts())
        await asyncio.sleep(2.5)  # several times as long as the pool tries
        await proxy.accept()
        if library == "psycopg":
            await within(waiting, 20)
        else:
            with pytest.raises(ConnectionLost):  # its pool tries once, and does so again for the next
                await within(waiting)
            assert await scheduler.driver.insight.counts() is not None
