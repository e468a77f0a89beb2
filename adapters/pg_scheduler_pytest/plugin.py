"""What pytest loads wherever pg_scheduler is installed, also for programs that do not use it: so nothing but
pytest is imported until a fixture is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pg_scheduler import PgQueuer, Scheduler
    from pg_scheduler.ports.driver import Driver
    from pg_scheduler.testing import ManualClock
    from pg_scheduler_pytest.databases import Server, Template

STORES = ("memory", "postgresql")
MADE = pytest.StashKey[list[Any]]()
"""The schedulers that fixtures have made for a test."""
STARTED = pytest.StashKey[list[Any]]()
"""Those that ran already when it began."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the server is, if it is not to be started."""
    meaning = "the PostgreSQL server of pgq_server, as a connection string; by default one is started"
    parser.getgroup("pg_scheduler").addoption("--pgq-dsn", default=None, help=meaning)


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line(
        "markers", 'pgq_over("memory", "postgresql"): run the test over each of these stores, or over both'
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a marked test over each store."""
    marker = metafunc.definition.get_closest_marker("pgq_over")
    if marker is None or "pgq_store" not in metafunc.fixturenames:
        return
    stores = marker.args or STORES
    if unknown := [store for store in stores if store not in STORES]:
        raise pytest.UsageError(f"pgq_over: expected some of {', '.join(STORES)}, got {unknown[0]!r}")
    metafunc.parametrize("pgq_store", stores)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Shut down what fixtures have made, in the test's own event loop, and say what the test leaves."""
    item.stash[STARTED] = _started()
    made = item.stash.get(MADE, None)
    if not made or not isinstance(item, pytest.Function):
        return (yield)
    from pg_scheduler_pytest.endings import ended_with

    item.obj, func = ended_with(item.obj, made), item.obj
    try:
        return (yield)
    finally:
        item.obj = func


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Say which schedulers the test has started and nobody has shut down."""
    result = yield
    before = item.stash.get(STARTED, None)
    left = [] if before is None else [one for one in _started() if one not in before]
    if left:
        from pg_scheduler.testing import left_behind

        left_behind.warn(left_behind.never_shut_down(len(left)))
    return result


def _started() -> list[Any]:
    """The schedulers that run; none where nobody has imported them."""
    current = sys.modules.get("pg_scheduler.client.current")
    return [] if current is None else current.started()


@pytest.fixture
def pgq_clock() -> ManualClock:
    """A clock that moves only when told. It stands at the next full minute, so that a time that code takes
    from ``datetime.now(UTC)`` is due or in time."""
    from datetime import UTC, datetime, timedelta

    from pg_scheduler.testing import ManualClock

    return ManualClock(datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1))


@pytest.fixture
def pgq_store() -> str:
    """Where jobs are kept: "memory", unless the test is marked `pgq_over`."""
    return "memory"


@pytest.fixture
def pgq_driver(request: pytest.FixtureRequest, pgq_store: str) -> Driver:
    """The driver of `pgq_scheduler`."""
    from pg_scheduler.db import driver_over
    from pg_scheduler.testing import MemoryDriver

    return MemoryDriver() if pgq_store == "memory" else driver_over(request.getfixturevalue("pgq_dsn"))


@pytest.fixture
def pgq_scheduler(request: pytest.FixtureRequest, pgq_driver: Driver, pgq_clock: ManualClock) -> Scheduler:
    """A scheduler that is not started: `drain` runs its jobs. It is shut down with the test."""
    from pg_scheduler import Scheduler

    scheduler = Scheduler(pgq_driver, clock=pgq_clock)
    request.node.stash.setdefault(MADE, []).append(scheduler)
    return scheduler


@pytest.fixture
def pgq_app(pgq_scheduler: Scheduler) -> PgQueuer:
    """An application of the entrypoint style over `pgq_scheduler`."""
    from pg_scheduler import PgQueuer

    return PgQueuer(pgq_scheduler)


@pytest.fixture(scope="session")
def pgq_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A PostgreSQL server for the whole session (of each process, under xdist): that of ``--pgq-dsn`` or
    PG_SCHEDULER_TEST_DSN, else one that is started, which needs the extra `embedded`."""
    from pg_scheduler_pytest.databases import started_or_given

    given: str | None = request.config.getoption("--pgq-dsn") or os.environ.get("PG_SCHEDULER_TEST_DSN")
    with started_or_given(given or None) as server:  # an empty variable says nothing
        yield server


@pytest.fixture(scope="session")
def pgq_template(pgq_server: Server) -> Iterator[Template]:
    """A database with our tables, which those of tests are made from. Override it to add tables of yours."""
    from pg_scheduler_pytest.databases import template_on

    with template_on(pgq_server) as template:
        yield template


@pytest.fixture
def pgq_dsn(pgq_template: Template) -> Iterator[str]:
    """The connection string of a database of the test's own, with our tables."""
    with pgq_template.database() as dsn:
        yield dsn
