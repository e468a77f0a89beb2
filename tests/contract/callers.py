"""Every way in which a program may have a transaction of its own open when it schedules a job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import psycopg


@dataclass(frozen=True, slots=True)
class Caller:
    """A connection inside a transaction that is the program's own business."""

    connection: Any
    commit: Callable[[], Awaitable[Any]]
    rollback: Callable[[], Awaitable[Any]]

    async def value_of(self, sql: str) -> Any:
        """The single value of a query in this transaction."""
        if isinstance(self.connection, psycopg.AsyncConnection):
            row = await (await self.connection.execute(sql)).fetchone()
            return None if row is None else row[0]
        return await self.connection.fetchval(sql)


@asynccontextmanager
async def asyncpg_transaction(dsn: str) -> AsyncIterator[Caller]:
    connection = await asyncpg.connect(dsn)
    transaction = connection.transaction()
    await transaction.start()
    yield Caller(connection, transaction.commit, transaction.rollback)
    await connection.close()


@asynccontextmanager
async def asyncpg_from_a_pool(dsn: str) -> AsyncIterator[Caller]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield Caller(connection, transaction.commit, transaction.rollback)


@asynccontextmanager
async def asyncpg_plain_begin(dsn: str) -> AsyncIterator[Caller]:
    connection = await asyncpg.connect(dsn)
    await connection.execute("BEGIN")
    yield Caller(connection, lambda: connection.execute("COMMIT"), lambda: connection.execute("ROLLBACK"))
    await connection.close()


@asynccontextmanager
async def psycopg_implicit(dsn: str) -> AsyncIterator[Caller]:
    """psycopg's default: the first statement begins a transaction, and there was none yet."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        yield Caller(connection, connection.commit, connection.rollback)


@asynccontextmanager
async def psycopg_begun(dsn: str) -> AsyncIterator[Caller]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await connection.execute("SELECT 1")
        yield Caller(connection, connection.commit, connection.rollback)


@asynccontextmanager
async def psycopg_autocommit_begin(dsn: str) -> AsyncIterator[Caller]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("BEGIN")
        yield Caller(connection, connection.commit, connection.rollback)


CALLERS: dict[str, Callable[[str], AbstractAsyncContextManager[Caller]]] = {
    "asyncpg transaction": asyncpg_transaction,
    "asyncpg from a pool": asyncpg_from_a_pool,
    "asyncpg plain BEGIN": asyncpg_plain_begin,
    "psycopg implicit": psycopg_implicit,
    "psycopg begun": psycopg_begun,
    "psycopg autocommit BEGIN": psycopg_autocommit_begin,
}
