"""Every way in which a program may have a transaction of its own open when it schedules a job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import psycopg
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import Session


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
        if isinstance(self.connection, Session):
            return self.connection.execute(text(sql)).scalar()
        if isinstance(self.connection, AsyncSession | AsyncConnection):
            return (await self.connection.execute(text(sql))).scalar()
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


def url_of(dsn: str, dialect: str) -> str:
    """A connection string as SQLAlchemy wants it."""
    return dsn.replace("postgresql://", f"postgresql+{dialect}://", 1)


@asynccontextmanager
async def session_that_sent_nothing(dsn: str) -> AsyncIterator[Caller]:
    """SQLAlchemy begins in Python, and asyncpg's part of it with the first statement only."""
    engine = create_async_engine(url_of(dsn, "asyncpg"), poolclass=NullPool)
    async with AsyncSession(engine) as session:
        yield Caller(session, session.commit, session.rollback)
    await engine.dispose()


@asynccontextmanager
async def connection_that_sent_nothing(dsn: str) -> AsyncIterator[Caller]:
    """Core's, over psycopg: the library would begin, but SQLAlchemy would not know of anything to end."""
    engine = create_async_engine(url_of(dsn, "psycopg"), poolclass=NullPool)
    async with engine.connect() as connection:
        yield Caller(connection, connection.commit, connection.rollback)
    await engine.dispose()


@asynccontextmanager
async def blocking_session(dsn: str) -> AsyncIterator[Caller]:
    """In a program with an event loop, which waits meanwhile."""
    engine = create_engine(url_of(dsn, "psycopg"), poolclass=NullPool)
    with Session(engine) as session:

        async def commit() -> None:
            session.commit()

        async def rollback() -> None:
            session.rollback()

        yield Caller(session, commit, rollback)
    engine.dispose()


CALLERS: dict[str, Callable[[str], AbstractAsyncContextManager[Caller]]] = {
    "asyncpg transaction": asyncpg_transaction,
    "asyncpg from a pool": asyncpg_from_a_pool,
    "asyncpg plain BEGIN": asyncpg_plain_begin,
    "psycopg implicit": psycopg_implicit,
    "psycopg begun": psycopg_begun,
    "psycopg autocommit BEGIN": psycopg_autocommit_begin,
    "psycopg AsyncSession over asyncpg": session_that_sent_nothing,
    "asyncpg AsyncConnection over psycopg": connection_that_sent_nothing,
    "asyncpg Session": blocking_session,
}
"""By the library of the driver beside it, and a name."""
