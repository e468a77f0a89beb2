"""Signals that do not arrive although LISTEN was accepted, as behind a pooler in transaction mode."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import psycopg_pool
import pytest

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.engine import keep_listening
from pg_scheduler_postgres import echo
from pg_scheduler_postgres.driver import PostgresDriver
from tests.engine.exclusion.bouncer import PROGRAM, bouncer
from tests.support.running import eventually, past

QUICK = PollingConfig(interval=50, interval_without_listen=0.2)
SELDOM = PollingConfig(interval=50, interval_without_listen=50)


async def job() -> None: ...


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "ECHO_TIMEOUT", 0.3)
    monkeypatch.setattr(keep_listening, "PAUSE_WHEN_SWALLOWED", 0.3)


def swallow(scheduler: Scheduler) -> Callable[[], None]:
    """From now on LISTEN reaches nobody; the answer undoes that."""
    session: Any = cast(PostgresDriver, scheduler.driver).link.session
    listen = session.listen

    async def elsewhere(channel: str, *rest: Any) -> None:
        await listen("nobody writes there", *rest)

    session.listen = elsewhere
    return lambda: setattr(session, "listen", listen)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_worker_that_hears_nothing_says_so_and_polls(
    dsn: str, library: Library, client: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler.connect(dsn, library=library, polling_config=QUICK)
    stop = swallow(scheduler)
    async with scheduler:
        scheduler.register(job)
        await eventually(lambda: warnings(caplog))
        assert not scheduler.worker.listening
        handle = await client.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"
        assert not scheduler.worker.listening
        (line,) = warnings(caplog)
        assert "a pooler in transaction mode, most likely. Due jobs are looked for every 0.2 s" in line
        stop()
        await eventually(lambda: scheduler.worker.listening)


async def test_a_wait_looks_itself_where_it_hears_nothing(
    dsn: str, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler.connect(dsn, library=library)
    swallow(scheduler)
    async with Scheduler.connect(dsn) as elsewhere:
        elsewhere.register(job)
        handle = await scheduler.schedule(job, execution_time=past(-1))
        assert await handle.wait(timeout=45) == "completed"
    await scheduler.shutdown()
    assert all("Awaited jobs are looked at every 1 s" in line for line in warnings(caplog))


async def test_the_proof_wakes_nobody_else(dsn: str, library: Library) -> None:
    heard: list[Any] = []
    async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as one:
        await eventually(lambda: one.worker.listening)
        one.worker.services.listener._reactions = {
            kind: (lambda kind=kind: heard.append(kind))  # type: ignore[misc]
            for kind in one.worker.services.listener._reactions
        }
        one.worker.services.listener._on_job = lambda signal: heard.append(signal.kind)
        async with Scheduler.connect(dsn, library=library, polling_config=SELDOM) as other:
            await eventually(lambda: other.worker.listening)
            await one.schedule(job, execution_time=past())
            assert await eventually(lambda: heard) == ["due"]


@pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
async def test_behind_a_pooler_in_transaction_mode_a_job_starts_all_the_same(
    dsn: str, library: Library, server: Any, client: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    with bouncer(server.port) as port:
        async with (
            pool_behind(port, dsn.rpartition("/")[2], library) as pool,
            Scheduler(pool, polling_config=QUICK) as scheduler,
        ):
            scheduler.register(job)
            await eventually(lambda: any("transaction mode" in line for line in warnings(caplog)))
            assert not scheduler.worker.listening
            handle = await client.schedule(job, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"


@asynccontextmanager
async def pool_behind(port: int, database: str, library: Library) -> AsyncIterator[Any]:
    """A pool as a user has to make it there: without prepared statements."""
    dsn = f"postgresql://postgres@127.0.0.1:{port}/{database}"

    async def reachable() -> bool:
        try:
            await (await asyncpg.connect(dsn, statement_cache_size=0)).close()
        except OSError:
            return False
        return True

    await eventually(reachable)
    if library == "asyncpg":
        async with asyncpg.create_pool(dsn, min_size=1, max_size=5, statement_cache_size=0) as pool:
            yield pool
    else:
        kwargs = {"prepare_threshold": None, "autocommit": True}
        async with psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=5, kwargs=kwargs) as pool:
            yield pool
