"""Databases of encoding SQL_ASCII, which take any bytes and convert nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import psycopg_pool
import pytest

from pg_scheduler import ConfigurationError, Scheduler, SyncQueries
from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.support.databases import new_database

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
    assert seen.pop() == "Zürich"


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
