"""Everything a scheduler can be made from: pools, connections, connection strings, drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import psycopg
import psycopg_pool
import pytest

from pg_scheduler import ConfigurationError, InvalidInput, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import AsyncpgDriver, PsycopgDriver
from pg_scheduler.testing import MemoryDriver
from tests.support.running import eventually, past


@asynccontextmanager
async def asyncpg_connection(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    yield connection
    assert not connection.is_closed()
    await connection.close()


@asynccontextmanager
async def asyncpg_pool(dsn: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        yield pool
        assert await pool.fetchval("SELECT 1") == 1


@asynccontextmanager
async def psycopg_connection(dsn: str) -> AsyncIterator[Any]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        yield connection
        assert not connection.closed


@asynccontextmanager
async def psycopg_transactional_connection(dsn: str) -> AsyncIterator[Any]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        yield connection
        assert not connection.closed


@asynccontextmanager
async def psycopg_pool_of(dsn: str) -> AsyncIterator[Any]:
    async with psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=4, open=False) as pool:
        yield pool
        async with pool.connection() as connection:
            await connection.execute("SELECT 1")


@asynccontextmanager
async def asyncpg_driver(dsn: str) -> AsyncIterator[Any]:
    yield AsyncpgDriver(dsn)


@asynccontextmanager
async def psycopg_driver(dsn: str) -> AsyncIterator[Any]:
    yield PsycopgDriver(dsn)


@asynccontextmanager
async def connection_string(dsn: str) -> AsyncIterator[Any]:
    yield dsn


@asynccontextmanager
async def key_value_string(dsn: str) -> AsyncIterator[Any]:
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    yield f"postgres://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"


Source = Callable[[str], AbstractAsyncContextManager[Any]]

SOURCES: list[Source] = [
    asyncpg_connection,
    asyncpg_pool,
    asyncpg_driver,
    psycopg_connection,
    psycopg_transactional_connection,
    psycopg_pool_of,
    psycopg_driver,
    connection_string,
    key_value_string,
]


async def double(number: int) -> int:
    return number * 2


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
async def test_a_job_runs_over_any_source_and_the_users_own_stays_open(dsn: str, source: Source) -> None:
    async with source(dsn) as made:
        async with Scheduler(made) as scheduler:
            handle = await scheduler.schedule(double, execution_time=past(), args=(21,), store_result=True)
            assert await handle.result(timeout=45) == 42
            # Signals and leases have connections of their own, made like the one that was given.
            await eventually(lambda: scheduler.worker.listening)
            await eventually(scheduler.driver.insight.workers)
        # A second life over the same source.
        async with Scheduler(made) as scheduler:
            assert await scheduler.driver.insight.job(handle) is not None


async def test_entering_starts_and_leaving_shuts_down(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library, max_concurrent_jobs=2) as scheduler:
        assert scheduler.is_running
        assert scheduler.max_concurrent_jobs == 2
    assert not scheduler.is_running


async def test_a_block_that_raises_still_shuts_down(dsn: str) -> None:
    with pytest.raises(KeyError):
        async with Scheduler.connect(dsn) as scheduler:
            raise KeyError("from the block")
    assert not scheduler.is_running
    assert not scheduler.worker.running


async def test_the_environment_makes_a_scheduler_that_works(
    dsn: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("MAX_CONCURRENT_JOBS", "3")
    monkeypatch.setenv("MISFIRE_GRACE_TIME", "none")
    monkeypatch.setenv("VACUUM_ENABLED", "false")
    async with Scheduler.from_env(library=library) as scheduler:
        assert scheduler.max_concurrent_jobs == 3
        assert scheduler.misfire_grace_time is None
        assert scheduler.vacuum_enabled is False
        handle = await scheduler.schedule(double, execution_time=past(), args=(2,), store_result=True)
        assert await handle.result(timeout=45) == 4


def test_what_the_environment_leaves_out_has_the_documented_default() -> None:
    scheduler = Scheduler.from_env({"DATABASE_URL": "postgresql://nobody@nowhere/x"})
    assert (scheduler.max_concurrent_jobs, scheduler.misfire_grace_time) == (25, 300)
    assert scheduler.vacuum_enabled is True


def test_options_win_over_the_environment() -> None:
    environment = {"DATABASE_URL": "postgresql://nobody@nowhere/x", "MAX_CONCURRENT_JOBS": "3"}
    assert Scheduler.from_env(environment, max_concurrent_jobs=9).max_concurrent_jobs == 9


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MAX_CONCURRENT_JOBS", "many"), ("MISFIRE_GRACE_TIME", "soon"), ("VACUUM_ENABLED", "perhaps")],
)
def test_an_unreadable_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        Scheduler.from_env({"DATABASE_URL": "postgresql://nobody@nowhere/x", variable: value})


def test_a_missing_database_url_is_named() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Scheduler.from_env({})


@pytest.mark.parametrize("nonsense", [None, 5, object(), "not a dsn"])
def test_anything_else_is_refused(nonsense: object) -> None:
    with pytest.raises(InvalidInput):
        Scheduler(nonsense)  # type: ignore[arg-type]


def test_a_driver_brings_its_own_schema() -> None:
    with pytest.raises(InvalidInput, match="schema"):
        Scheduler(MemoryDriver(), schema="other")
