"""Fixtures: real servers, fresh databases, both libraries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

import asyncpg
import pytest
from hypothesis import settings

from pg_scheduler.client import current
from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.support.databases import Servers, give_back, new_database, versions_to_test
from tests.support.ignored_signals import spare_children

settings.register_profile("however slow the machine is", deadline=None)
settings.load_profile("however slow the machine is")

pytest.register_assert_rewrite("pg_scheduler.testing.contract")  # here, before any test imports it


def pytest_configure(config: pytest.Config) -> None:
    """Where tests run: in xdist's workers, which must themselves start with what their parent ignores."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        spare_children()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow what is slow with some of its parameters."""
    names = {name for mark in item.iter_markers("slow_with") for name in mark.args}
    case = item.name.partition("[")[2].rstrip("]")
    if names & set(case.split("-")):
        item.add_marker("slow")


@pytest.fixture(autouse=True)
def _no_scheduler_of_another_test_runs() -> Iterator[None]:
    """Tests that kill a scheduler leave it running, as far as this process knows."""
    # Not by the test's own monkeypatch: what that changes would then outlast the other fixtures.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(current, "_running", [])
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """All PostgreSQL versions, each started on first use."""
    running = Servers()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(servers: Servers) -> EmbeddedServer:
    """The newest PostgreSQL."""
    return servers[versions_to_test()[0]]


@pytest.fixture
async def dsn(server: EmbeddedServer) -> AsyncIterator[str]:
    """A fresh, empty database on the newest PostgreSQL, for one test."""
    made = await new_database(server)
    yield made
    await give_back(server, made)


@pytest.fixture(params=["asyncpg", "psycopg"])
def library(request: pytest.FixtureRequest) -> Library:
    """Both drivers."""
    return cast(Library, request.param)


@pytest.fixture
async def sql(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection to the test's database, to look behind the scenes."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()
