"""Whoever is cancelled while he waits for a connection ends, at once and without a word, whenever it is."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import psycopg
import psycopg_pool
import pytest

from pg_scheduler_asyncpg.connecting import Connector as AsyncpgConnector
from pg_scheduler_asyncpg.sessions import PoolSession as AsyncpgSession
from pg_scheduler_psycopg.connecting import Connector
from pg_scheduler_psycopg.sessions import PoolSession
from tests.support.running import eventually

STEPS = 12
"""Steps of the event loop within which a connection is given or made."""


@pytest.fixture
async def complaints() -> list[dict[str, Any]]:
    """What the event loop would log as an error."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    return heard


async def cancelled(task: asyncio.Task[Any], steps: int) -> bool:
    """Whether it ends when it is cancelled after so many steps."""
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=3)
    return task.cancelled()


@pytest.mark.parametrize("how", ["connection", "pool"])
async def test_an_asyncpg_connection_that_is_no_longer_wanted_leaves_no_error(
    dsn: str, how: str, complaints: list[dict[str, Any]]
) -> None:
    connector = AsyncpgConnector.of_dsn(dsn)

    async def connect() -> None:
        connection = await connector()
        try:
            await asyncio.Event().wait()
        finally:
            connection.terminate()

    for steps in range(STEPS):
        if how == "connection":
            assert await cancelled(asyncio.create_task(connect()), steps)
        else:
            session = AsyncpgSession(None, connector)
            await session.open()
            async with session.transaction():  # on the only connection that the pool has as yet
                assert await cancelled(asyncio.create_task(session.fetch("SELECT pg_sleep(9)")), steps)
            await session.close()
        gc.collect()
        assert complaints == []


async def test_a_cancellation_that_meets_a_connection_from_a_psycopg_pool_is_not_lost(dsn: str) -> None:
    async with psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=1, open=False) as pool:
        session = PoolSession(pool, Connector.of_pool(pool))

        async def go_on() -> None:
            await session.fetch("SELECT 1")
            await asyncio.Event().wait()

        for steps in range(STEPS):
            held: psycopg.AsyncConnection[Any] = await pool.getconn()
            task = asyncio.create_task(go_on())
            await eventually(lambda: pool.get_stats().get("requests_waiting"))
            await pool.putconn(held)
            assert await cancelled(task, steps), f"lost after {steps} steps"
