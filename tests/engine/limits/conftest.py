"""Drivers as several processes have them: each with connections of its own, on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from unittest.mock import patch

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver
from pg_scheduler_postgres.driver import PostgresDriver
from tests.support.running import eventually

MakeDrivers = Callable[[int], Awaitable[list[Driver]]]

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event IN ('transactionid', 'tuple')
"""


@pytest.fixture
async def drivers(dsn: str, library: Library) -> AsyncIterator[MakeDrivers]:
    """Makes so many drivers, open and installed."""
    async with AsyncExitStack() as stack:

        async def make(number: int) -> list[Driver]:
            made = [driver_over(dsn, library=library) for _ in range(number)]
            for driver in made:
                await driver.open()
                stack.push_async_callback(driver.close)
            await made[0].schema.install()
            return made

        yield make


@pytest.fixture
async def driver(drivers: MakeDrivers) -> Driver:
    """One of them."""
    (made,) = await drivers(1)
    return made


@pytest.fixture
async def by_hand(dsn: str, sql: asyncpg.Connection, driver: Driver) -> AsyncIterator[Driver]:
    """A driver whose statements run on the connection `sql`: what it does between BEGIN and COMMIT waits
    there."""
    over = driver_over(dsn, library="asyncpg")
    assert isinstance(over, PostgresDriver)
    await over.open()
    with patch.object(over.link, "session", await over.link.borrowed(sql)):
        yield over
    await over.close()


@pytest.fixture
async def claim_waits(dsn: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Returns once a claim waits for the row of a lane: its snapshot is taken then."""
    looking = await asyncpg.connect(dsn)

    async def until_it_waits() -> None:
        await eventually(lambda: looking.fetchval(_WAITING))

    yield until_it_waits
    await looking.close()
