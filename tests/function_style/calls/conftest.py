"""A scheduler to call, over each driver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.testing import ManualClock, MemoryDriver
from tests.function_style.calls.tasks import NOW


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def scheduler(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[Scheduler]:
    """Not started, with its tables, at noon."""
    over_memory = request.param == "memory"
    source = MemoryDriver() if over_memory else dsn
    library = None if over_memory else request.param
    scheduler = Scheduler(source, library=library, clock=ManualClock(NOW))
    await scheduler.initialize_db()
    yield scheduler
    await scheduler.shutdown()
