"""One store of each kind, with transactions that a function may open and effects that it has in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import asyncpg
import psycopg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.testing import MemoryDriver
from tests.support.databases import give_back, new_database
from tests.support.running import BriskScheduler


class Stage:
    """A database with a table of effects; memory's effects are a list."""

    def __init__(
        self, source: Any, library: Library | None, begin: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> None:
        self._source, self._library = source, library
        self.dsn, self.library = str(source), cast(Library, library)
        self.transaction = begin
        """Commits at the end of its block, rolls back if that raises; gives a connection."""
        self._noted: list[str] = []

    @property
    def in_memory(self) -> bool:
        """True for the store without a database."""
        return self._library is None

    def scheduler(self, **options: Any) -> Scheduler:
        """A worker, not started, whose lost jobs are taken back within seconds."""
        return BriskScheduler(self._source, library=self._library, **options)

    async def have_effect(self, connection: Any, what: str) -> None:
        """Write in the transaction."""
        if isinstance(connection, asyncpg.Connection):
            await connection.execute("INSERT INTO effects VALUES ($1)", what)
        elif isinstance(connection, psycopg.AsyncConnection):
            await connection.execute("INSERT INTO effects VALUES (%s)", [what])
        else:
            connection.when_committed(lambda: self._noted.append(what))

    async def effects(self) -> list[str]:
        """What has been committed, in order."""
        if self.in_memory:
            return self._noted
        connection = await asyncpg.connect(self._source)
        found = [row["what"] for row in await connection.fetch("SELECT what FROM effects ORDER BY ctid")]
        await connection.close()
        return found

    async def sql(self, text: str) -> None:
        """Do something behind everybody's back."""
        connection = await asyncpg.connect(self._source)
        await connection.execute(text)
        await connection.close()


@asynccontextmanager
async def asyncpg_transaction(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def psycopg_transaction(dsn: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        yield connection


TRANSACTIONS: dict[str, Callable[[str], AbstractAsyncContextManager[Any]]] = {
    "asyncpg": asyncpg_transaction,
    "psycopg": psycopg_transaction,
}


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A store of each kind."""
    if request.param == "memory":
        driver = MemoryDriver()
        yield Stage(driver, None, driver.transaction)
        return
    async for made in _database_stage(request, request.param):
        yield made


@pytest.fixture
async def database(request: pytest.FixtureRequest, library: Library) -> AsyncIterator[Stage]:
    """A database, by each library."""
    async for made in _database_stage(request, library):
        yield made


async def _database_stage(request: pytest.FixtureRequest, library: Library) -> AsyncIterator[Stage]:
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    made = Stage(dsn, library, lambda: TRANSACTIONS[library](dsn))
    await made.sql("CREATE TABLE effects (what text)")
    yield made
    await give_back(server, dsn)
