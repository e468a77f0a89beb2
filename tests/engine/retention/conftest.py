"""A scheduler at rest over each driver, with time pinned."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler_embedded import EmbeddedServer
from tests.engine.retention.ends import Made
from tests.support.databases import give_back, new_database


@pytest.fixture
def clock() -> ManualClock:
    """The time by which all decide."""
    return ManualClock()


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def make(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[Callable[..., Scheduler]]:
    """Makes schedulers over one database, each with a worker of its own."""
    made: list[Scheduler] = []
    if request.param == "memory":
        memory = MemoryDriver()
        yield Made(lambda: (memory, None), clock, made)
    else:
        server: EmbeddedServer = request.getfixturevalue("server")
        dsn = await new_database(server)
        found = Made(lambda: (dsn, request.param), clock, made)
        await found().initialize_db()
        yield found
    for scheduler in made:
        await scheduler.shutdown()
        await scheduler.driver.close()
    if request.param != "memory":
        await give_back(server, dsn)
