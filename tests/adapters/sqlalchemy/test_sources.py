"""Schedulers over engines and over SQLAlchemy's URLs."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from pg_scheduler import InvalidInput, Scheduler, SyncScheduler
from pg_scheduler.domain.urls import plain_url
from tests.contract.callers import url_of
from tests.support.running import past


async def job() -> str:
    return "done"


@pytest.mark.parametrize("dialect", ["asyncpg", pytest.param("psycopg", marks=pytest.mark.slow)])
async def test_a_worker_connects_as_its_engine_does(dsn: str, dialect: str, sql: asyncpg.Connection) -> None:
    """By a token that is asked for with each connection, here; and its pool lends none."""
    url = make_url(url_of(dsn, dialect))
    engine = create_async_engine(url.set(username="nobody"), pool_size=1, max_overflow=0)
    made = []

    @event.listens_for(engine.sync_engine, "do_connect")
    def with_a_token(dialect: object, record: object, args: object, kwargs: dict[str, object]) -> None:
        made.append(kwargs["user"])
        kwargs["user"] = url.username

    async with engine.connect(), Scheduler(engine) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), store_result=True)
        assert await handle.result(timeout=30) == "done"
        assert len(made) >= 3  # that of the engine, of the pool, of LISTEN or the leases
    assert scheduler.is_running is False
    await engine.dispose()
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == 1


async def test_a_url_of_sqlalchemys_is_a_connection_string(dsn: str, sql: asyncpg.Connection) -> None:
    sources: list[Any] = [url_of(dsn, "asyncpg"), make_url(url_of(dsn, "psycopg")), url_of(dsn, "psycopg2")]
    for source in sources:
        async with Scheduler(source) as scheduler:
            await scheduler.schedule(job, execution_time=past())

    def blocking() -> None:
        engine = create_engine(url_of(dsn, "psycopg"), pool_size=1, max_overflow=0)
        sources: list[Any] = [url_of(dsn, "psycopg"), make_url(url_of(dsn, "psycopg2")), engine]
        for source in sources:
            with SyncScheduler(source) as scheduler:
                scheduler.schedule(job)
                scheduler.schedule(job)
        engine.dispose()

    await asyncio.to_thread(blocking)
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == 9


def test_what_is_no_source_is_refused_with_the_remedy() -> None:
    engine = create_engine("postgresql+psycopg://localhost/x")
    with pytest.raises(InvalidInput, match="create_async_engine"):
        Scheduler(engine)
    with pytest.raises(InvalidInput, match="go as connection="):
        Scheduler(Session(engine))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="without an event loop"):
        SyncScheduler(create_async_engine("postgresql+asyncpg://localhost/x"))


@pytest.mark.parametrize(
    ("given", "plain", "library"),
    [
        ("postgresql://u@h/d?host=x", "postgresql://u@h/d?host=x", None),
        ("postgresql+asyncpg://u:p%40@h:1/d", "postgresql://u:p%40@h:1/d", "asyncpg"),
        ("postgres+psycopg_async://u@h/d?ssl=true", "postgres://u@h/d?sslmode=require", "psycopg"),
        ("postgresql+psycopg2:///d?host=/run/pg", "postgresql:///d?host=/run/pg", None),
        (
            "postgresql+asyncpg:///d?host=a:1&host=b&prepared_statement_cache_size=0",
            "postgresql:///d?host=a,b&port=1,5432",
            "asyncpg",
        ),
    ],
)
def test_a_url_reads_as_the_library_wants_it(given: str, plain: str, library: str | None) -> None:
    assert plain_url(given) == (plain, library)
