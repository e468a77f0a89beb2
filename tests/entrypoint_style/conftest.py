"""One store of each kind, and applications over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pg_scheduler import PgQueuer, Queries
from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from tests.support.databases import give_back, new_database
from tests.support.running import BriskScheduler

MakeDriver = Callable[[], Driver]
MakeApp = Callable[..., PgQueuer]


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def drivers(request: pytest.FixtureRequest) -> AsyncIterator[MakeDriver]:
    """Makes drivers on one empty database (for memory: one store), as several processes have them."""
    library: Any = request.param
    if library == "memory":
        shared = MemoryDriver()
        yield lambda: shared
        return
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    yield lambda: driver_over(dsn, library=library)
    await give_back(server, dsn)


@pytest.fixture
async def app(drivers: MakeDriver) -> AsyncIterator[MakeApp]:
    """Makes applications whose lost jobs are taken back within seconds; not started, closed in the end."""
    made: list[PgQueuer] = []

    def make(**options: Any) -> PgQueuer:
        made.append(PgQueuer(BriskScheduler(drivers(), periodic_jobs_enabled=False, **options)))
        return made[-1]

    yield make
    for one in made:
        await one.shutdown(0)


@pytest.fixture
def pgq(app: MakeApp) -> PgQueuer:
    """An application, not started."""
    return app()


@pytest.fixture
async def client(drivers: MakeDriver) -> AsyncIterator[Queries]:
    """Enqueues from elsewhere: over a driver of its own."""
    queries = Queries(drivers())
    await queries.open()
    yield queries
    await queries.close()
