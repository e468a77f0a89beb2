"""A driver of each kind, and decorated functions that are forgotten after the test."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver
from tests.support.databases import give_back, new_database

MakeDriver = Callable[[], Driver]
MakeScheduler = Callable[[ManualClock], Scheduler]


@pytest.fixture(autouse=True)
def decorated(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What @periodic has registered: nothing before the test, and nothing of it after."""
    nothing: dict[str, object] = {}
    monkeypatch.setattr(
        importlib.import_module("pg_scheduler.client.periodic_registry"), "_registered", nothing
    )
    return nothing


@pytest.fixture
def clock() -> ManualClock:
    """The time by which all decide."""
    return ManualClock()


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
async def driver(drivers: MakeDriver) -> AsyncIterator[Driver]:
    """Open, installed and empty; memory and both libraries."""
    opened = drivers()
    await opened.open()
    await opened.schema.install()
    yield opened
    await opened.close()


@pytest.fixture
def drivers_of_memory() -> MakeDriver:
    """The same without an event loop."""
    shared = MemoryDriver()
    return lambda: shared


@pytest.fixture
async def scheduler_at(drivers: MakeDriver) -> AsyncIterator[MakeScheduler]:
    """Makes schedulers that live in a clock's time, on one database; not started, and closed at the end."""
    made: list[Scheduler] = []

    def make(clock: ManualClock) -> Scheduler:
        made.append(Scheduler(drivers(), clock=clock))
        return made[-1]

    yield make
    for scheduler in made:
        await scheduler.shutdown()
