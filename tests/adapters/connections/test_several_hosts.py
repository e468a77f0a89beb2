"""Connection strings with several hosts, and servers that accept no writes for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psycopg_pool
import pytest

from pg_scheduler import ConnectionLost, JobStatus, ReadOnlyServer, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler_asyncpg.hosts import Target, as_url, targets_of, without_timeout
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.scenarios.outages import CUT_ALL
from tests.support.running import BriskScheduler, eventually, past


@pytest.mark.parametrize(
    ("words", "url"),
    [
        ("host=a,b port=1,2 dbname=app", "postgresql:///?host=a%2Cb&port=1%2C2&dbname=app"),
        (r"user = 'a b' password='it\'s \\'", "postgresql:///?user=a+b&password=it%27s+%5C"),
        (r"password=a\ b dbname=''", "postgresql:///?password=a+b"),
        ("postgresql://a,b/app?options=x", "postgresql://a,b/app?options=x"),
    ],
)
def test_words_become_the_url_that_asyncpg_reads(words: str, url: str) -> None:
    assert as_url(words) == url


@pytest.mark.parametrize(
    ("dsn", "targets"),
    [
        ("postgresql://u:p@a:1,[::1]:2,c/app", [Target("a", 1), Target("::1", 2), Target("c", 5432)]),
        ("postgresql:///app?host=a,b&port=6543", [Target("a", 6543), Target("b", 6543)]),
        ("postgresql:///app?host=/run/a,/run/b&port=1,2", [Target("/run/a", 1), Target("/run/b", 2)]),
        ("postgresql://a:1/app", []),
        ("postgresql://a,b/app?target_session_attrs=prefer-standby", []),
    ],
)
def test_hosts_are_found_where_libpq_finds_them(dsn: str, targets: list[Target]) -> None:
    assert list(targets_of(dsn, {})) == targets


def test_what_is_for_libpq_alone_does_not_reach_the_server() -> None:
    assert without_timeout("postgresql://a/b?connect_timeout=3&x=y") == ("postgresql://a/b?x=y", 3.0)


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """The port of a host that takes connections and says nothing, as one does whose machine hangs."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.mark.slow_with("psycopg")  # libpq waits two seconds at the least
async def test_a_host_that_does_not_answer_keeps_nobody_from_the_next(
    server: EmbeddedServer, dsn: str, library: Library, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LISTEN and leases included, each on a connection of its own; by words and by URL."""
    monkeypatch.setattr("pg_scheduler_asyncpg.connecting.HOST_TIMEOUT", 0.2)
    monkeypatch.setattr("pg_scheduler_asyncpg.connecting.ANSWER_PATIENCE", 0.1)
    database = urlsplit(dsn).path[1:]
    words = (
        f"host=127.0.0.1,127.0.0.1 port={silent},{server.port} user=postgres dbname={database} "
        "target_session_attrs=read-write"
    )
    async with Scheduler.connect(words, library=library) as scheduler:
        handle = await scheduler.schedule(_nothing, execution_time=past())
        assert await handle.wait(timeout=30) is JobStatus.COMPLETED
        await eventually(lambda: scheduler.worker.listening)


async def _nothing() -> None: ...


async def test_where_no_host_accepts_writes_it_is_said_in_words(dsn: str, library: Library) -> None:
    parts = urlsplit(dsn)
    two = f"postgresql://postgres@127.0.0.1:1,{parts.hostname}:{parts.port}{parts.path}"
    driver = driver_over(f"{two}?target_session_attrs=standby", library=library)
    if library == "asyncpg":
        with pytest.raises(ReadOnlyServer, match=r"127.0.0.1:1: .*; 127.0.0.1:\d+: is not"):
            await driver.open()
    else:
        with pytest.raises(ConnectionError, match="not in hot standby mode"):
            await driver.open()


async def _source(dsn: str, library: Library, given: str) -> tuple[Any, Callable[[], Awaitable[None]]]:
    if given == "dsn":
        return dsn, _nothing
    if library == "asyncpg":
        pool = await asyncpg.create_pool(dsn, min_size=3, max_size=3)
        return pool, pool.close
    made = psycopg_pool.AsyncConnectionPool(dsn, min_size=3, open=False, kwargs={"autocommit": True})
    await made.open(wait=True)
    return made, made.close


async def _is_read_only(worker: Scheduler) -> bool:
    """Whether a statement is refused for that; from a pool it may get a connection that was cut instead."""
    try:
        await worker.driver.jobs.forget_worker("nobody")
    except ReadOnlyServer:
        return True
    except ConnectionLost:
        return False
    raise AssertionError("it was accepted")


@pytest.mark.parametrize("given", ["dsn", "pool"])
async def test_connections_that_accept_no_writes_are_replaced(
    dsn: str, library: Library, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    """A worker says once that it waits, and goes on by itself when new connections accept writes: those that
    it has are of the server that does not."""
    database = urlsplit(dsn).path[1:]
    source, close = await _source(dsn, library, given)
    worker = BriskScheduler(source, library=library)
    worker.register(_nothing)
    await worker.start()
    try:
        await sql.execute(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
        await sql.execute(CUT_ALL)
        await eventually(lambda: "accepts no writes" in caplog.text)
        await eventually(lambda: _is_read_only(worker))
        await sql.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only')
        handle = await worker.schedule(_nothing, execution_time=past())
        assert await handle.wait(timeout=30) is JobStatus.COMPLETED
        await eventually(lambda: "accepts writes again" in caplog.text)
    finally:
        await sql.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only')
        await worker.shutdown()
        await close()
    assert caplog.text.count("accepts no writes") == 1
    assert "the database is unreachable; retrying: cannot execute" not in caplog.text
