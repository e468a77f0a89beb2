"""Exclusion behind a pooler that gives the server connection away after each transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import psycopg_pool
import pytest

from pg_scheduler import JobStatus, PollingConfig
from pg_scheduler.client.source import Library
from pg_scheduler.engine.running import exclusion
from pg_scheduler_embedded import EmbeddedServer
from tests.engine.exclusion.bouncer import PROGRAM, bouncer
from tests.engine.exclusion.runs import Gate, ended, lock_holder, running, trigger
from tests.support.running import eventually

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@pytest.fixture
def pooler(server: EmbeddedServer) -> Iterator[int]:
    """The pooler's port."""
    with bouncer(server.port) as port:
        yield port


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


async def test_the_lock_excludes_and_is_held_for_the_whole_run_behind_pgbouncer(
    pooler: int, dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusion, "LOOK_AGAIN", timedelta(milliseconds=100))
    gate, deaf = Gate(), PollingConfig(listen=False, interval_without_listen=0.1)
    database = dsn.rpartition("/")[2]
    async with (
        pool_behind(pooler, database, library) as one_pool,
        pool_behind(pooler, database, library) as other_pool,
        running(one_pool, None, gate, polling_config=deaf) as one,
        running(other_pool, None, gate, polling_config=deaf),
    ):
        jobs = [await trigger(one) for _ in range(3)]
        holder, epochs = await lock_holder(sql), {job_id: set[int]() for job_id in jobs}

        async def all_have_looked() -> bool:
            for job_id in jobs:
                found = await one.driver.insight.job(job_id)
                epochs[job_id].add(found.epoch if found else 0)
            return sorted(map(len, epochs.values()))[1] >= 3

        await eventually(all_have_looked)
        assert await lock_holder(sql) == holder
        assert gate.starts == 1
        gate.open()
        assert {await ended(one, job_id) for job_id in jobs} == {JobStatus.COMPLETED}
        assert (gate.starts, gate.most, gate.stopped) == (3, 1, 0)
