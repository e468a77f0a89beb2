"""Databases of encoding SQL_ASCII, which take any bytes and convert nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import psycopg_pool
import pytest
from psycopg.conninfo import make_conninfo

from pg_scheduler import ConfigurationError, JobStatus, Scheduler, SyncQueries
from pg_scheduler.client.source import Library
from pg_scheduler.ports.driver import Driver
from pg_scheduler_embedded import EmbeddedServer
from tests.support.databases import new_database
from tests.support.running import eventually

UTF8 = {"client_encoding": "UTF8"}
seen: list[str] = []


async def note(word: str) -> None:
    """Say what came."""
    seen.append(word)


@pytest.fixture
async def dsn(server: EmbeddedServer) -> str:
    """A database of that encoding."""
    return await new_database(server, "ENCODING 'SQL_ASCII' LOCALE 'C'")


@pytest.fixture
async def pool(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[psycopg_pool.AsyncConnectionPool]:
    """A pool of the user's, with these parameters."""
    pool = psycopg_pool.AsyncConnectionPool(dsn, min_size=1, open=False, kwargs=request.param)
    async with pool:
        yield pool


async def _runs(scheduler: Scheduler) -> None:
    async with scheduler:
        job = await scheduler.schedule(note, execution_time=datetime.now(UTC), args=("Zürich",), job_id="ü")
        await job.wait(20)
        await eventually(lambda: scheduler.worker.listening)
        await _works(scheduler.driver.dedicated(), job)
    assert seen.pop() == "Zürich"


async def _works(beside: Driver | None, job: str) -> None:
    """The connection on which leases are renewed."""
    assert beside is not None
    await beside.open()
    assert await beside.insight.statuses([job]) == {job: JobStatus.COMPLETED}
    await beside.close()


@pytest.mark.parametrize("autocommit", [True, False])
async def test_a_single_connection_must_speak_utf8(dsn: str, autocommit: bool) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=autocommit) as connection:
        with pytest.raises(ConfigurationError, match="client_encoding"):
            await Scheduler(connection).start()
    utf8 = make_conninfo(dsn, client_encoding="UTF8")
    async with await psycopg.AsyncConnection.connect(utf8, autocommit=autocommit) as connection:
        await _runs(Scheduler(connection))


async def test_a_worker_with_a_dsn_runs_jobs_in_it(dsn: str, library: Library) -> None:
    await _runs(Scheduler(dsn, library=library))


@pytest.mark.parametrize("pool", [UTF8], indirect=True)
async def test_a_pool_that_speaks_utf8_does_too(pool: psycopg_pool.AsyncConnectionPool) -> None:
    await _runs(Scheduler(pool))


@pytest.mark.parametrize("pool", [{}], indirect=True)
async def test_a_pool_that_would_give_bytes_is_refused_with_what_to_write(
    pool: psycopg_pool.AsyncConnectionPool,
) -> None:
    with pytest.raises(ConfigurationError, match="Add client_encoding=UTF8 to its parameters"):
        await Scheduler(pool).start()


def test_a_program_without_an_event_loop_enqueues_too(dsn: str) -> None:
    with SyncQueries(dsn) as queries:
        queries.install()
        (job,) = queries.enqueue("Grüße", "ü".encode())
        assert (found := queries.job(job)) is not None
        assert found.task_name == "Grüße"
    with psycopg.connect(dsn) as connection, pytest.raises(ConfigurationError, match="client_encoding"):
        SyncQueries(connection).enqueue("mail")
