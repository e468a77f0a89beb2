"""Every way in which people hand a database to a driver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import psycopg
import psycopg_pool

from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver

Shape = Callable[[str, str], AbstractAsyncContextManager[Driver]]


@asynccontextmanager
async def asyncpg_pool(dsn: str, schema: str) -> AsyncIterator[Driver]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool:
        yield driver_over(pool, schema=schema)


@asynccontextmanager
async def asyncpg_connection(dsn: str, schema: str) -> AsyncIterator[Driver]:
    connection = await asyncpg.connect(dsn)
    try:
        yield driver_over(connection, schema=schema)
    finally:
        await connection.close()


@asynccontextmanager
async def psycopg_pool_(dsn: str, schema: str) -> AsyncIterator[Driver]:
    async with psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=10, open=False) as pool:
        yield driver_over(pool, schema=schema)


@asynccontextmanager
async def psycopg_connection(dsn: str, schema: str) -> AsyncIterator[Driver]:
    connection = await psycopg.AsyncConnection.connect(dsn)
    try:
        yield driver_over(connection, schema=schema)
    finally:
        await connection.close()


SHAPES: dict[str, Shape] = {
    "asyncpg-pool": asyncpg_pool,
    "asyncpg-connection": asyncpg_connection,
    "psycopg-pool": psycopg_pool_,
    "psycopg-connection": psycopg_connection,
}
