"""Every driver, opened once for all tests of the contract and emptied before each.

One database per server, one schema per shape, one event loop for the module: connections, their caches and
their prepared statements live through all tests, which makes the suite several times quicker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio

from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_embedded import EmbeddedServer
from tests.contract.shapes import SHAPES
from tests.support.databases import Servers, new_database, versions_to_test

NEWEST, *OLDER = versions_to_test()


def _kinds() -> Iterator[object]:
    """How a database was handed over has nothing to do with its version: pools are made for the newest, and
    connections of one library to each of the others in turn. Connections to the newest are slow."""
    yield "memory"
    for shape in SHAPES:
        usual = not OLDER or shape.endswith("-pool")
        yield pytest.param(f"{shape}-{NEWEST}", marks=() if usual else pytest.mark.slow)
    for place, version in enumerate(OLDER):
        yield f"{('asyncpg-connection', 'psycopg-connection')[place % 2]}-{version}"


KINDS = list(_kinds())

_databases: dict[int, str] = {}


async def _database(servers: Servers, version: int) -> str:
    if version not in _databases:
        _databases[version] = await _in_english(servers[version])
    return _databases[version]


async def _in_english(server: EmbeddedServer) -> str:
    """A database that sorts "a" before "B" and "ä" before "b": every order shows that is not asked for by
    code point. Before PostgreSQL 15, or built without ICU, a database cannot be like that."""
    if server.version >= 15:
        try:
            return await new_database(server, "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
        except asyncpg.FeatureNotSupportedError:
            pass
    return await new_database(server)


class Housekeeper:
    """Empties one schema on a connection of its own."""

    def __init__(self, connection: asyncpg.Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    async def empty(self) -> None:
        """Delete every row; rows are few, so this is quicker than making the tables again."""
        tables = await self._connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname = $1 AND tablename <> 'scheduled_job_migrations'",
            self._schema,
        )
        await self._connection.execute(";".join(f"DELETE FROM {table['name']}" for table in tables))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def opened(
    request: pytest.FixtureRequest, servers: Servers
) -> AsyncIterator[tuple[Driver, Housekeeper | None]]:
    """A driver of each kind, open and installed."""
    kind: str = request.param
    if kind == "memory":
        yield MemoryDriver(), None
        return
    shape, _, version = kind.rpartition("-")
    dsn = await _database(servers, int(version))
    schema = f"of {shape}"
    housekeeping = await asyncpg.connect(dsn)
    async with SHAPES[shape](dsn, schema) as driver:
        await driver.open()
        await driver.schema.install()
        yield driver, Housekeeper(housekeeping, schema)
        await driver.close()
    await housekeeping.close()


@pytest_asyncio.fixture(loop_scope="module")
async def driver(opened: tuple[Driver, Housekeeper | None]) -> Driver:
    """Open, installed and empty."""
    driver, housekeeper = opened
    if housekeeper is None:
        return MemoryDriver()
    await housekeeper.empty()
    return driver
