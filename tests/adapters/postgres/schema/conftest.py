"""A scheduler that only submits, for tests whose workers are elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pg_scheduler import Scheduler


@pytest.fixture
async def client(dsn: str) -> AsyncIterator[Scheduler]:
    """Not started, with its tables installed; closed after the test."""
    scheduler = Scheduler.connect(dsn)
    await scheduler.initialize_db()
    yield scheduler
    await scheduler.shutdown()
