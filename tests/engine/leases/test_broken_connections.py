"""Connections that are cut in mid-life, and a database that goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import psycopg
import psycopg_pool
import pytest

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.engine import service
from pg_scheduler_embedded import EmbeddedServer
from tests.support.running import HastyScheduler, eventually, past

CUT_ALL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
QUICK = PollingConfig(interval=0.2, interval_without_listen=0.2)


@asynccontextmanager
async def asyncpg_pool(dsn: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(dsn, min_size=2, max_size=4) as pool:
        yield pool


@asynccontextmanager
async def asyncpg_connection(dsn: str) -> AsyncIterator[Any]:
    yield await asyncpg.connect(dsn)


@asynccontextmanager
async def psycopg_pool_of(dsn: str) -> AsyncIterator[Any]:
    async with psycopg_pool.AsyncConnectionPool(dsn, min_size=2, max_size=4, open=False) as pool:
        yield pool


@asynccontextmanager
async def psycopg_connection(dsn: str) -> AsyncIterator[Any]:
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    yield connection
    await connection.close()


@asynccontextmanager
async def connection_string(dsn: str) -> AsyncIterator[Any]:
    yield dsn


Source = Callable[[str], AbstractAsyncContextManager[Any]]


async def insert(sql: asyncpg.Connection, name: str) -> str:
    """Submit by plain SQL, as nothing else here has a connection that surely lives."""
    job_id: str = await sql.fetchval(
        "INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ($1, now()) RETURNING job_id", name
    )
    return job_id


async def completed(sql: asyncpg.Connection, job_id: str) -> None:
    query = "SELECT status = 'completed' FROM scheduled_jobs WHERE job_id = $1"
    await eventually(lambda: sql.fetchval(query, job_id))


@pytest.mark.parametrize(
    "source",
    [asyncpg_pool, asyncpg_connection, psycopg_pool_of, psycopg_connection, connection_string],
    ids=lambda source: source.__name__,
)
async def test_all_services_survive_the_loss_of_all_connections(
    dsn: str, sql: asyncpg.Connection, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims, leases, verdicts, signals and reclaiming go on, and the running job loses nothing."""
    monkeypatch.setattr(service, "MAX_PAUSE", 0.2)
    go_on = asyncio.Event()

    async def waits() -> None:
        await go_on.wait()

    async def another() -> None: ...

    async with source(dsn) as made, HastyScheduler(made, polling_config=QUICK) as scheduler:
        names = [scheduler.task_for(func).name for func in (waits, another)]
        running = await insert(sql, names[0])
        await eventually(lambda: scheduler.active_jobs)
        await eventually(lambda: scheduler.worker.listening)
        for _ in range(2):
            await sql.fetchval(CUT_ALL)
            await completed(sql, await insert(sql, names[1]))
        await eventually(lambda: scheduler.worker.listening)
        renewed = "SELECT lease_until > now() AND attempt_count = 1 FROM scheduled_jobs WHERE job_id = $1"
        await eventually(lambda: sql.fetchval(renewed, running))
        go_on.set()
        await completed(sql, running)
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, worker_id, lease_until)"
            " VALUES ('lost', $1, now(), 'running', 'deadbeef', now() - interval '1 second')",
            names[1],
        )
        await completed(sql, "lost")


@pytest.mark.slow
async def test_a_restart_of_the_server_is_survived(library: Library) -> None:
    go_on = asyncio.Event()

    async def waits() -> str:
        await go_on.wait()
        return "survived"

    async def another() -> None: ...

    with EmbeddedServer(settings={"fsync": "off"}) as server:
        async with Scheduler.connect(server.dsn, library=library, polling_config=QUICK) as scheduler:
            job = await scheduler.schedule(waits, execution_time=past(), store_result=True)
            await eventually(lambda: scheduler.active_jobs)
            await asyncio.to_thread(server.restart, "immediate")
            go_on.set()
            await eventually(lambda: not scheduler.active_jobs)
            await eventually(lambda: scheduler.worker.listening, timeout=30)
            assert await job.result(timeout=45) == "survived"
            handle = await scheduler.schedule(another, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"
