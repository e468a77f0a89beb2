"""One database per server, one schema per shape; emptied, not remade, between tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from tests.contract.shapes import SHAPES
from tests.support.databases import Servers, new_database, versions_to_test

pytest.register_assert_rewrite("pg_scheduler.testing.contract")

KINDS = ["memory", *(f"{shape}-{version}" for version in versions_to_test() for shape in SHAPES)]

_databases: dict[int, str] = {}


async def _database(servers: Servers, version: int) -> str:
    if version not in _databases:
        _databases[version] = await new_database(servers[version])
    return _databases[version]


async def _empty(dsn: str, schema: str) -> None:
    """Delete every row; rows are few, so this is quicker than making the tables again."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname = $1 AND tablename <> 'scheduled_job_migrations'",
            schema,
        )
        for table in tables:
            await connection.execute(f"DELETE FROM {table['name']}")
    finally:
        await connection.close()


@pytest.fixture(params=KINDS)
async def driver(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Driver]:
    """Open, installed and empty."""
    kind: str = request.param
    if kind == "memory":
        yield MemoryDriver()
        return
    shape, _, version = kind.rpartition("-")
    dsn = await _database(servers, int(version))
    schema = f"of {shape}"
    await _empty(dsn, schema)
    async with SHAPES[shape](dsn, schema) as driver:
        await driver.open()
        await driver.install()
        yield driver
        await driver.close()
