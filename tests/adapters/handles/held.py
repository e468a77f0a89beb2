"""Every handle that a program may hold, with the few things that the cases do to it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import asyncpg
import databases
import psycopg
import sqlmodel
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tests.contract.callers import url_of


class Held(Protocol):
    """A handle, and the transaction that the program has, or will have, open on it."""

    connection: Any
    works_alone: bool
    """Whether it is of use where no transaction is open."""

    async def begin(self) -> None:
        """What the program does before its first statement."""
        ...

    async def run(self, sql: str) -> None:
        """A statement of the program's own."""
        ...

    async def commit(self) -> None:
        """End it well."""
        ...

    async def rollback(self) -> None:
        """End it as if nothing had been."""
        ...

    async def close(self) -> None:
        """The handle is of no use afterwards."""
        ...


class Plain:
    """What has `execute`, `commit`, `rollback` and `close`, and begins by itself."""

    works_alone = True

    def __init__(self, connection: Any, as_sql: Callable[[str], Any] = text) -> None:
        self.connection = connection
        self._as_sql = as_sql

    async def begin(self) -> None:
        """Nothing is sent."""

    async def run(self, sql: str) -> None:
        await self._done(self.connection.execute(self._as_sql(sql)))

    async def commit(self) -> None:
        await self._done(self.connection.commit())

    async def rollback(self) -> None:
        await self._done(self.connection.rollback())

    async def close(self) -> None:
        await self._done(self.connection.close())

    async def _done(self, answer: Any) -> None:
        if inspect.isawaitable(answer):
            await answer


class InBlocks(Plain):
    """What wants a block for its transaction."""

    _block: Any

    async def begin(self) -> None:
        self._block = self.connection.transaction()
        await self._block.start()

    async def commit(self) -> None:
        await self._block.commit()

    async def rollback(self) -> None:
        await self._block.rollback()

    async def close(self) -> None:
        end = getattr(self.connection, "disconnect", None) or self.connection.close
        await self._done(end())


Open = Callable[[str, bool], AbstractAsyncContextManager[Held]]
"""Of a connection string; and whether each statement is to commit by itself."""


@asynccontextmanager
async def asyncpg_connection(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    connection = await asyncpg.connect(dsn)
    yield InBlocks(connection, str)
    await connection.close()


@asynccontextmanager
async def asyncpg_lent(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        lent = await pool.acquire()
        held = InBlocks(lent, str)
        yield held
        await pool.release(lent)


@asynccontextmanager
async def psycopg_async(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=at_once)
    yield Plain(connection, str.encode)
    await connection.close()


@asynccontextmanager
async def psycopg_blocking(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    connection = psycopg.connect(dsn, autocommit=at_once)
    yield Plain(connection, str.encode)
    connection.close()


@asynccontextmanager
async def encode_databases(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    async with databases.Database(dsn, min_size=1, max_size=2) as database:
        held = InBlocks(database, str)
        held.works_alone = False  # it has a connection within a block only
        yield held


def _async_engine(dsn: str, dialect: str, at_once: bool) -> AsyncEngine:
    level: Any = {"isolation_level": "AUTOCOMMIT"} if at_once else {}
    return create_async_engine(url_of(dsn, dialect), poolclass=NullPool, **level)


def _engine(dsn: str, at_once: bool) -> Engine:
    level: Any = {"isolation_level": "AUTOCOMMIT"} if at_once else {}
    return create_engine(url_of(dsn, "psycopg"), poolclass=NullPool, **level)


def async_session(dialect: str) -> Open:
    @asynccontextmanager
    async def opened(dsn: str, at_once: bool) -> AsyncIterator[Held]:
        engine = _async_engine(dsn, dialect, at_once)
        # What is closed begins anew unless it is told not to.
        async with AsyncSession(engine, close_resets_only=False) as session:
            yield Plain(session)
        await engine.dispose()

    return opened


def async_connection(dialect: str) -> Open:
    @asynccontextmanager
    async def opened(dsn: str, at_once: bool) -> AsyncIterator[Held]:
        engine = _async_engine(dsn, dialect, at_once)
        async with engine.connect() as connection:
            yield Plain(connection)
        await engine.dispose()

    return opened


@asynccontextmanager
async def scoped_async_session(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    engine = _async_engine(dsn, "asyncpg", at_once)
    maker = async_sessionmaker(engine, close_resets_only=False)
    scoped = async_scoped_session(maker, scopefunc=lambda: 1)
    yield Plain(scoped)
    await scoped.remove()
    await engine.dispose()


def blocking_session(make: Callable[[Engine], Any]) -> Open:
    @asynccontextmanager
    async def opened(dsn: str, at_once: bool) -> AsyncIterator[Held]:
        session = make(_engine(dsn, at_once))
        yield Plain(session)
        session.close()

    return opened


@asynccontextmanager
async def blocking_connection(dsn: str, at_once: bool) -> AsyncIterator[Held]:
    with _engine(dsn, at_once).connect() as connection:
        yield Plain(connection)


HANDLES: dict[str, Open] = {
    "asyncpg": asyncpg_connection,
    "asyncpg of a pool": asyncpg_lent,
    "psycopg AsyncConnection": psycopg_async,
    "AsyncSession over asyncpg": async_session("asyncpg"),
    "AsyncSession over psycopg": async_session("psycopg"),
    "AsyncConnection over asyncpg": async_connection("asyncpg"),
    "AsyncConnection over psycopg_async": async_connection("psycopg_async"),
    "async_scoped_session": scoped_async_session,
    "databases": encode_databases,
}
"""Those of programs with an event loop."""

BLOCKING: dict[str, Open] = {
    "psycopg Connection": psycopg_blocking,
    "Session": blocking_session(lambda engine: Session(engine, close_resets_only=False)),
    "Connection": blocking_connection,
    "scoped_session": blocking_session(
        lambda engine: scoped_session(sessionmaker(engine, close_resets_only=False))
    ),
    "SQLModel": blocking_session(lambda engine: sqlmodel.Session(engine, close_resets_only=False)),
}
"""Those of programs without one."""


async def soon_done(working: asyncio.Task[Any]) -> None:
    """Let a statement that was begun go on to its end."""
    await asyncio.wait({working}, timeout=30)
    working.result()
