"""Connections that we make say in `pg_stat_activity` whose they are, and what for."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.pq import TransactionStatus

from pg_scheduler import Scheduler, SyncQueries
from pg_scheduler.client.source import Library
from pg_scheduler_postgres.connection_names import LONGEST, ConnectionNames
from pg_scheduler_psycopg import connecting
from tests.support.running import eventually

OURS = """
SELECT DISTINCT application_name FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


async def names_in(sql: asyncpg.Connection) -> set[str]:
    return {row["application_name"] for row in await sql.fetch(OURS)}


@pytest.mark.parametrize("library", ["asyncpg", "psycopg"])
async def test_they_name_the_worker_and_what_they_are_for(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with Scheduler(dsn, library=library) as scheduler:
        wanted = {f"pg_scheduler {scheduler.worker_id}{role}" for role in ("", " listen", " leases")}

        async def all_are_there() -> bool:
            return await names_in(sql) == wanted

        await eventually(all_are_there)


@pytest.mark.parametrize("library", ["asyncpg", "psycopg"])
async def test_a_name_in_the_connection_string_is_kept(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    mark = "&" if "?" in dsn else "?"
    async with Scheduler(f"{dsn}{mark}application_name=shop", library=library) as scheduler:

        async def one_listens() -> bool:
            return scheduler.worker.listening

        await eventually(one_listens)
        assert await names_in(sql) == {"shop"}


async def test_one_that_cannot_be_named_is_closed(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """psycopg's pool does not do so, whose connections would stay until the garbage is collected."""
    monkeypatch.setattr(connecting, "statement_naming", lambda name: "SELECT pg_catalog.pg_sleep(60)")
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    naming = asyncio.create_task(connecting.Connector.of_dsn(dsn).name(connection))
    await eventually(lambda: connection.info.transaction_status is TransactionStatus.ACTIVE)
    naming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await naming
    assert connection.closed


async def test_beside_a_pool_of_yours_only_ours_are_named(dsn: str, sql: asyncpg.Connection) -> None:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool, Scheduler(pool) as scheduler:
        wanted = {"", *(f"pg_scheduler {scheduler.worker_id} {role}" for role in ("listen", "leases"))}

        async def all_are_there() -> bool:
            return await names_in(sql) == wanted

        await eventually(all_are_there)


async def test_a_blocking_client_names_its_own_connection(dsn: str, sql: asyncpg.Connection) -> None:
    owners: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
    with owners, SyncQueries(dsn) as own, SyncQueries(owners) as borrowed:
        own.install()
        borrowed.queue_size()
        assert await names_in(sql) == {"pg_scheduler", ""}


class TestANameFits:
    def test_whatever_a_worker_is_called(self) -> None:
        name = ConnectionNames("w" * 200).of("leases")
        assert len(name.encode()) == LONGEST
        assert name.endswith("w leases")

    def test_and_is_printable_ascii(self) -> None:
        assert ConnectionNames("wörker\n'\\x").of("listen") == "pg_scheduler w?rker?'\\x listen"

    def test_and_is_that_of_the_environment_if_that_has_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PGAPPNAME", "shop")
        assert ConnectionNames("w1").of("listen") == "shop"
