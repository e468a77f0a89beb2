"""Connections that go silent without a goodbye, as when a cable is cut: here, frozen server processes."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import Any, cast

import asyncpg
import psycopg
import psycopg_pool
import pytest

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.engine import service
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_postgres.home_session import HomeSession
from pg_scheduler_postgres.session import ScopedSession, Session
from tests.support.running import eventually, idle, past, within

pytestmark = pytest.mark.slow

QUICK = PollingConfig(interval=0.2, interval_without_listen=0.2)
OTHERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
LISTENERS = f"{OTHERS} AND query LIKE 'LISTEN%'"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch, library: Library) -> None:
    """What takes half a minute in production takes half a second here."""
    package = f"pg_scheduler_{library}"
    monkeypatch.setattr(importlib.import_module(f"{package}.sessions"), "COMMAND_TIMEOUT", 0.5)
    listening = importlib.import_module(f"{package}.listening")
    monkeypatch.setattr(listening, "PROBE_INTERVAL", 0.2)
    monkeypatch.setattr(listening, "PROBE_TIMEOUT", 0.5)
    monkeypatch.setattr(service, "MAX_PAUSE", 0.3)


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Within this block the server processes neither answer nor close."""
    if os.geteuid() != 0:
        pytest.skip("the server's processes belong to another user")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def pids_of(sql: asyncpg.Connection, query: str) -> list[int]:
    return [row["pid"] for row in await sql.fetch(query)]


async def job() -> None: ...


async def completed(sql: asyncpg.Connection, name: str) -> None:
    job_id = await sql.fetchval(
        "INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ($1, now()) RETURNING job_id", name
    )
    query = "SELECT status = 'completed' FROM scheduled_jobs WHERE job_id = $1"
    await eventually(lambda: sql.fetchval(query, job_id))


async def test_a_silent_listen_connection_is_noticed_and_made_again(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        await eventually(lambda: scheduler.worker.listening)
        silent = await pids_of(sql, LISTENERS)
        with frozen(silent):
            await eventually(lambda: not scheduler.worker.listening)
            await eventually(lambda: scheduler.worker.listening)
            assert set(await pids_of(sql, LISTENERS)) - set(silent)
            handle = await scheduler.schedule(job, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"


@pytest.mark.parametrize("kind", ["pool", "connection"])
async def test_silent_connections_are_replaced_by_new_ones(
    dsn: str, library: Library, sql: asyncpg.Connection, kind: str
) -> None:
    source: Any
    if kind == "pool" and library == "asyncpg":
        source = await asyncpg.create_pool(dsn, min_size=1, max_size=3)
    elif kind == "pool":
        source = psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=3, open=False)
        await source.open()
    elif kind == "connection" and library == "asyncpg":
        source = await asyncpg.connect(dsn)
    else:
        source = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    try:
        async with Scheduler(source, library=library, polling_config=QUICK) as scheduler:
            name = scheduler.task_for(job).name
            await completed(sql, name)
            silent = await pids_of(sql, OTHERS)
            with frozen(silent):
                await completed(sql, name)
                await completed(sql, name)
    finally:
        if isinstance(source, asyncpg.Connection):
            source.terminate()
        else:
            await within(source.close())


async def silent_at_its_end(block: AbstractAsyncContextManager[Session]) -> None:
    """The server goes silent between a statement's answer and the end of the block."""
    with ExitStack() as stack:
        async with block as session:
            (row,) = await session.fetch("SELECT pg_backend_pid() AS pid")
            stack.enter_context(frozen([row["pid"]]))


async def test_a_commit_that_is_not_answered_ends(dsn: str, library: Library) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        session = cast(PostgresDriver, scheduler.driver).link.session
        with pytest.raises(ConnectionLost):
            await within(silent_at_its_end(session.transaction()))


async def test_the_commit_of_a_statement_on_a_users_pool_ends_too(dsn: str, library: Library) -> None:
    if library == "asyncpg":
        pytest.skip("its connections are in autocommit always")
    async with psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=3, open=False) as pool:
        home = cast(PostgresDriver, Scheduler(pool, library=library).driver).link.session
        assert isinstance(home, HomeSession)
        session = home._session
        assert isinstance(session, ScopedSession)
        with pytest.raises(ConnectionLost):
            await within(silent_at_its_end(session._scope()))
        assert await session.fetch("SELECT 1 AS one")


async def test_a_shutdown_with_silent_connections_ends(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with idle(Scheduler.connect(dsn, library=library)) as scheduler:
        await scheduler.start()
        await eventually(lambda: scheduler.worker.listening)
        with frozen(await pids_of(sql, OTHERS)):
            await within(scheduler.shutdown(timeout=0), 30)


async def test_a_connection_that_was_given_up_before_it_was_open_is_replaced(
    dsn: str, library: Library
) -> None:
    """A worker that stops early gives its lease connection up in mid-opening."""
    first = driver_over(dsn, library=library).dedicated()
    assert first is not None
    again = first.dedicated()
    assert again is not None
    await again.open()
    await again.close()
