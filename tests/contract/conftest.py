"""Every driver, opened once for all tests of the contract and emptied before each.

One database per server, one schema per shape, one event loop for the module: connections, their caches and
their prepared statements live through all tests, which makes the suite several times quicker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from tests.contract.shapes import SHAPES
from tests.support.databases import Servers, new_database, versions_to_test

pytest.register_assert_rewrite("pg_scheduler.testing.contract")

NEWEST, *OLDER = versions_to_test()
KINDS = [
    "memory",
    *(f"{shape}-{NEWEST}" for shape in SHAPES),
    # How a database was handed over has nothing to do with its version.
    *(f"{shape}-{version}" for version in OLDER for shape in ("asyncpg-pool", "psycopg-connection")),
]

_databases: dict[int, str] = {}


async def _database(servers: Servers, version: int) -> str:
    if version not in _databases:
        try:
            # "a" before "B" and "ä" before "b": every order that is not asked for by code point shows.
            dsn = await new_database(servers[version], "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
        except asyncpg.FeatureNotSupportedError:
            dsn = await new_database(servers[version])
        _databases[version] = dsn
    return _databases[version]


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
