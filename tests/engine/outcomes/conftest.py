"""Every store, and every way in which a function can be run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from pg_scheduler import Context, Job, PgQueuer, Schedule
from pg_scheduler.db import driver_over
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.executors import AbstractEntrypointExecutor, RetryWithBackoffEntrypointExecutor
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver, drain, live_through
from tests.support.databases import give_back, new_database

Act = Callable[[str], Any]

START, MINUTE = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC), timedelta(minutes=1)


class Calling(AbstractEntrypointExecutor):
    """An executor of somebody's own."""

    async def execute(self, job: Job, context: Context) -> Any:
        return await self.parameters.func(job)


class Scene:
    """An application in the time of a clock, not started, and what it was asked to do."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.clock = ManualClock(START)
        self.pgq = PgQueuer(driver, clock=self.clock)
        self.job_ids: dict[str, str] = {}

    async def plain(self, names: Iterable[str], func: Act, executor: str) -> None:
        """As tasks."""
        for name in names:
            self.job_ids[name] = await self.pgq.scheduler.schedule(
                func, execution_time=self.clock.now(), args=(name,), executor=executor, store_result=True
            )
        await drain(self.pgq.scheduler)

    async def entrypoint(self, names: Iterable[str], func: Callable[[Job], Any], factory: Any = None) -> None:
        """As jobs of an entrypoint."""
        self.pgq.entrypoint("act", executor_factory=factory)(func)
        for name in names:
            (self.job_ids[name],) = await self.pgq.queries.enqueue("act", name.encode(), store_result=True)
        await drain(self.pgq.scheduler)

    async def schedules(self, names: Iterable[str], act: Act) -> None:
        """Each as the window of a schedule."""
        for name in names:

            def run(schedule: Schedule, name: str = name) -> Any:
                return act(name)

            self.pgq.schedule(name, "* * * * *")(run)
        drained = await live_through(self.pgq.scheduler, self.clock, MINUTE)
        for one in drained:
            self.job_ids[one.job.task_name.partition(":")[2]] = one.job.job_id

    async def ended(self, name: str) -> tuple[JobRecord, list[AttemptRecord]]:
        """The row and the history."""
        record = await self.driver.insight.job(self.job_ids[name])
        assert record is not None, name
        return record, list(await self.driver.insight.attempts(self.job_ids[name]))


Way = Callable[[Scene, Iterable[str], Act, Act], Awaitable[None]]
"""Runs the names by a plain function or its coroutine."""


def _of_job(act: Act) -> Callable[[Job], Any]:
    def run(job: Job) -> Any:
        assert job.payload is not None
        return act(job.payload.decode())

    return run


def _of_job_async(act: Act) -> Callable[[Job], Any]:
    async def run(job: Job) -> Any:
        assert job.payload is not None
        return await act(job.payload.decode())

    return run


TWICE = partial(RetryWithBackoffEntrypointExecutor, max_attempts=2, initial_delay=0.001)

WAYS: dict[str, Way] = {
    "async": lambda scene, names, act, act_async: scene.plain(names, act_async, "async"),
    "thread": lambda scene, names, act, act_async: scene.plain(names, act, "thread"),
    "process": lambda scene, names, act, act_async: scene.plain(names, act, "process"),
    "entrypoint": lambda scene, names, act, act_async: scene.entrypoint(names, _of_job_async(act_async)),
    "plain entrypoint": lambda scene, names, act, act_async: scene.entrypoint(names, _of_job(act)),
    "own executor": lambda scene, names, act, act_async: scene.entrypoint(
        names, _of_job_async(act_async), Calling
    ),
    "retry executor": lambda scene, names, act, act_async: scene.entrypoint(
        names, _of_job_async(act_async), TWICE
    ),
    "schedule": lambda scene, names, act, act_async: scene.schedules(names, act),
}


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Over each store."""
    dsn = None
    if request.param != "memory":
        server = request.getfixturevalue("server")
        dsn = await new_database(server)
    made = Scene(MemoryDriver() if dsn is None else driver_over(dsn, library=request.param))
    await made.pgq.scheduler.initialize_db()
    yield made
    await made.pgq.shutdown(0)
    if dsn is not None:
        await give_back(server, dsn)
