"""Leases where no connection can be made for their renewal alone: the pool that works renews them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import psycopg_pool
import pytest

from pg_scheduler import ConnectionLost, DatabaseUnavailable
from pg_scheduler.client.source import Library
from pg_scheduler.engine.leases.renewal_paths import RenewalPaths
from tests.support.running import HastyScheduler, eventually, past

LEASE = timedelta(seconds=60)
RENEWALS = "pg_scheduler.engine.leases.renewal_paths"
SIGNALS = "pg_scheduler.engine.keep_listening"


@asynccontextmanager
async def alone(dsn: str, library: Library) -> AsyncIterator[Any]:
    """A pool beside which no connection can be made any more: its login has run out of them, or its host is
    reached no more but over connections that live."""
    if library == "asyncpg":
        async with asyncpg.create_pool(dsn, min_size=3, max_size=3) as pool:
            pool.set_connect_args("postgresql://postgres@127.0.0.1:1/nowhere")
            yield pool
    else:
        async with psycopg_pool.AsyncConnectionPool(dsn, min_size=3, max_size=3, open=False) as own:
            await own.wait()
            own.conninfo = "postgresql://postgres@127.0.0.1:1/nowhere"
            yield own


async def test_a_worker_that_can_make_no_more_connections_keeps_its_jobs(
    dsn: str, library: Library, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """It took its own live jobs back, again and again; another worker would have, too."""
    go_on, starts = asyncio.Event(), 0

    async def export() -> None:
        nonlocal starts
        starts += 1
        await go_on.wait()

    async with (
        alone(dsn, library) as pool,
        HastyScheduler.connect(dsn),
        HastyScheduler(pool) as scheduler,
    ):
        job = await scheduler.schedule(export, execution_time=past())
        two_leases = "SELECT now() - started_at > interval '2.5 seconds' FROM scheduled_jobs"
        await eventually(lambda: sql.fetchval(two_leases))
        assert await sql.fetchval("SELECT lease_until > now() FROM scheduled_jobs")
        assert not scheduler.worker.listening
        go_on.set()
        assert await job.wait(timeout=45) == "completed"
    assert starts == 1
    reported = [record for record in caplog.records if record.name in (RENEWALS, SIGNALS)]
    assert [record.levelno for record in reported] == [logging.WARNING] * len(reported)
    lines = [record.getMessage() for record in reported]
    for words in ("they are renewed over the scheduler's own pool", "Due jobs are looked for every 1 s"):
        assert len([line for line in lines if words in line]) == 1


Renewing = Callable[[], Awaitable[None]]


class Way:
    """One way to renew, which fails as it is told to."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.hangs = False
        self.calls = 0

    async def renew(self) -> None:
        self.calls += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure


class Scene:
    def __init__(self) -> None:
        self.own, self.beside, self.at_risk = Way(), Way(), True
        self.paths = RenewalPaths(
            own=self.own.renew,
            beside=self.beside.renew,
            patience=0.05,
            at_risk=lambda: self.at_risk,
            lease=LEASE,
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    caplog.set_level(logging.INFO, RENEWALS)

    def lines() -> list[tuple[str, str]]:
        found = [(record.levelname, record.getMessage().partition(" (")[0]) for record in caplog.records]
        caplog.clear()
        return found

    return lines


async def test_where_its_own_connection_works_the_other_way_is_left_alone(scene: Scene) -> None:
    await scene.paths.renew()
    assert (scene.own.calls, scene.beside.calls) == (1, 0)


async def test_the_way_back_to_its_own_connection_is_found(
    scene: Scene, logged: Callable[[], list[tuple[str, str]]]
) -> None:
    scene.own.failure = DatabaseUnavailable("too many connections")
    for _ in range(3):
        await scene.paths.renew()
    assert logged() == [("WARNING", "no connection for the renewal of leases alone")]
    scene.own.failure = None
    for _ in range(2):
        await scene.paths.renew()
    assert logged() == [("INFO", "leases are renewed over a connection of their own again")]
    calls = scene.beside.calls
    await scene.paths.renew()
    assert scene.beside.calls == calls


@pytest.mark.parametrize("failing", ["own", "beside"])
async def test_one_way_that_hangs_costs_no_lease(scene: Scene, failing: str) -> None:
    scene.own.failure = ConnectionLost("first")
    await scene.paths.renew()
    scene.own.failure = None
    getattr(scene, failing).hangs = True
    await scene.paths.renew()


async def test_where_neither_works_it_is_an_error_once(
    scene: Scene, logged: Callable[[], list[tuple[str, str]]]
) -> None:
    scene.own.failure, scene.beside.hangs = ConnectionLost("own"), True
    for _ in range(3):
        with pytest.raises(ConnectionLost, match="own"):
            await scene.paths.renew()
    assert logged() == [("ERROR", "leases cannot be renewed, neither over a connection of their own")]


async def test_where_neither_answers_the_database_is_out_of_reach(scene: Scene) -> None:
    """And no service takes jobs back before their workers had time to renew."""
    scene.own.failure = DatabaseUnavailable("too many connections")
    await scene.paths.renew()
    scene.own.failure = None
    scene.own.hangs = scene.beside.hangs = True
    with pytest.raises(ConnectionLost, match="not answered"):
        await scene.paths.renew()


async def test_without_leases_that_is_no_error(
    scene: Scene, logged: Callable[[], list[tuple[str, str]]]
) -> None:
    scene.own.failure, scene.beside.failure, scene.at_risk = ConnectionLost("a"), ConnectionLost("b"), False
    with pytest.raises(ConnectionLost):
        await scene.paths.renew()
    assert logged() == []


async def test_what_lives_in_this_worker_is_renewed_before_anything_is_taken_back(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps the lease keeper from renewing."""
    go_on, starts = asyncio.Event(), 0

    async def job() -> None:
        nonlocal starts
        starts += 1
        await go_on.wait()

    scheduler = HastyScheduler.connect(dsn, library=library)
    async with scheduler:
        keeper = scheduler.worker.services.lease_keeper
        monkeypatch.setattr(keeper, "_interval", 3600.0)
        await keeper.renew_now()
        handle = await scheduler.schedule(job, execution_time=past())
        two_leases = "SELECT now() - started_at > interval '2.5 seconds' FROM scheduled_jobs"
        await eventually(lambda: sql.fetchval(two_leases))
        go_on.set()
        assert await handle.wait(timeout=45) == "completed"
    assert starts == 1
