"""Every verb in every style: what happens, that it happens at once, and what is left behind is the same.

The workers here live by a clock in which no long wait ever ends: they neither poll nor renew leases nor make
passes. So whatever they do after their start, somebody has woken them for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from pg_scheduler import (
    Job,
    JobStatus,
    PgQueuer,
    PollingConfig,
    Queries,
    SyncQueries,
    SyncScheduler,
    VacuumConfig,
    VacuumPolicy,
)
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from tests.client.standing import LongLease, StandingClock
from tests.client.styles import (
    BlockingFunctionStyle,
    BlockingStyle,
    CommandLine,
    EntrypointStyle,
    FunctionStyle,
    Style,
)
from tests.support.databases import give_back, new_database
from tests.support.running import eventually, within

pytestmark = pytest.mark.slow_with("psycopg")

LOCAL = ("Scheduler", "Queries of the scheduler")
"""Styles in the worker's own process: they wake it whether it listens or not."""
REMOTE = ("Queries", "SyncQueries", "SyncScheduler", "pgq")
LATER = 3600.0
"""Seconds: no job that waits so long is due within a test."""


@dataclass
class Scene:
    """A running worker, and one style to reach it by."""

    app: PgQueuer
    style: Style
    reader: Queries
    """By which a test reads what is left behind, whatever the style."""
    local: bool
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    ran: list[str] = field(default_factory=list)
    failing: bool = True

    def define(self) -> None:
        """The entrypoints of these tests."""

        @self.app.entrypoint("work")
        async def work(job: Job) -> str:
            self.ran.append(job.id)
            return "done"

        @self.app.entrypoint("fail at first")
        async def fail_at_first(job: Job) -> str:
            if self.failing:
                raise LookupError("as planned")
            return "mended"

        @self.app.entrypoint("hang")
        async def hang(job: Job) -> None:
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.stopped.set()

    async def left(self, job_id: str) -> JobRecord:
        """The row of a job."""
        record = await self.reader.job(job_id)
        assert record is not None
        return record


def _cases() -> list[object]:
    cases: list[object] = []
    for store in ("memory", "asyncpg", "psycopg"):
        for style in LOCAL if store == "memory" else LOCAL + REMOTE:
            for listen in (True, False) if style in LOCAL else (True,):
                name = f"{store}-{style}{'' if listen else '-deaf worker'}"
                cases.append(pytest.param((store, style, listen), id=name))
    return cases


@pytest.fixture(params=_cases())
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """A started worker of each kind, and each style in front of it."""
    store, style, listen = request.param
    if store == "memory":
        async with Staged(MemoryDriver(), "", store, style, listen) as made:
            yield made
        return
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    async with Staged(driver_over(dsn, library=store), dsn, store, style, listen) as made:
        yield made
    await give_back(server, dsn)


class Staged:
    """Started on entering, stopped on leaving."""

    def __init__(self, driver: Driver, dsn: str, library: Library, style: str, listen: bool) -> None:
        self._scheduler = LongLease(
            driver,
            clock=StandingClock(),
            polling_config=PollingConfig(interval_without_listen=50, listen=listen),
            vacuum_config=VacuumConfig(cancelled=VacuumPolicy.immediate()),
            periodic_jobs_enabled=False,
        )
        self._app = PgQueuer(self._scheduler)
        self._remote: Queries | SyncQueries | SyncScheduler | None = None
        self._made = Scene(
            self._app, self._style(style, dsn, library), Queries(self._scheduler), style in LOCAL
        )
        self._listen = listen

    def _style(self, style: str, dsn: str, library: Library) -> Style:
        match style:
            case "Scheduler":
                return FunctionStyle(self._scheduler)
            case "Queries of the scheduler":
                return EntrypointStyle(self._app.queries)
            case "Queries":
                self._remote = Queries(dsn, library=library)
                return EntrypointStyle(self._remote)
            case "SyncQueries":
                self._remote = SyncQueries(dsn)
                return BlockingStyle(self._remote)
            case "SyncScheduler":
                self._remote = SyncScheduler(dsn)
                return BlockingFunctionStyle(self._remote)
            case _:
                return CommandLine(dsn, library)

    async def __aenter__(self) -> Scene:
        self._made.define()
        await self._scheduler.start()
        worker = self._scheduler.worker
        if self._listen:
            await eventually(lambda: worker.listening)
        return self._made

    async def __aexit__(self, *error: object) -> None:
        await self._app.shutdown(0)
        if isinstance(self._remote, Queries):
            await self._remote.close()
        elif self._remote is not None:
            self._remote.close()


async def test_a_job_starts_when_it_is_stored_and_ends_with_what_it_returned(scene: Scene) -> None:
    (job_id,) = await scene.style.store("work")
    assert await within(scene.style.wait(job_id)) is JobStatus.COMPLETED
    assert await scene.style.status(job_id) is JobStatus.COMPLETED
    assert await scene.style.outcomes(job_id) == []
    left = await scene.left(job_id)
    assert (left.status, left.attempt_count, left.retry_count) == (JobStatus.COMPLETED, 1, 0)
    wanted = None if isinstance(scene.style, CommandLine) else "done"  # pgq cannot ask for a result
    assert await within(scene.style.result(job_id)) == wanted


async def test_a_batch_starts_when_it_is_stored(scene: Scene) -> None:
    ids = await scene.style.store("work", 3)
    assert len(set(ids)) == 3
    assert [await within(scene.style.wait(job_id)) for job_id in ids] == [JobStatus.COMPLETED] * 3
    assert sorted(scene.ran) == sorted(ids)


async def test_of_two_equal_jobs_one_is_stored_and_both_callers_get_its_id(scene: Scene) -> None:
    first, second = await scene.style.store_twice("work", LATER)
    assert first == second
    (stored,) = await scene.reader.client.jobs()
    assert (stored.job_id, stored.status) == (first, JobStatus.PENDING)


async def test_a_pending_job_is_cancelled_and_retention_hears_of_it(scene: Scene) -> None:
    (job_id,) = await scene.style.store("work", delay=LATER)
    assert await scene.style.status(job_id) is JobStatus.PENDING
    assert await scene.style.cancel(job_id)
    if scene.local:  # no signal tells a worker elsewhere: it sweeps now and then
        await eventually(lambda: _gone(scene, job_id))
    else:
        assert (await scene.left(job_id)).status is JobStatus.CANCELLED
    assert not await scene.style.cancel(job_id)


async def _gone(scene: Scene, job_id: str) -> bool:
    return await scene.reader.job(job_id) is None


async def test_a_running_job_is_stopped_when_it_is_cancelled(scene: Scene) -> None:
    (job_id,) = await scene.style.store("hang")
    await within(scene.started.wait())
    assert await scene.style.cancel(job_id)
    await within(scene.stopped.wait())
    await eventually(lambda: _gone(scene, job_id))  # cancelled jobs are not kept here


async def test_a_failed_job_is_run_again_when_it_is_reopened(scene: Scene) -> None:
    (job_id,) = await scene.style.store("fail at first")
    assert await within(scene.style.wait(job_id)) is JobStatus.FAILED
    assert await scene.style.outcomes(job_id) == ["failed"]
    scene.failing = False
    await scene.style.reopen(job_id)
    assert await within(scene.style.wait(job_id)) is JobStatus.COMPLETED
    left = await scene.left(job_id)
    assert (left.status, left.attempt_count, left.retry_count) == (JobStatus.COMPLETED, 1, 0)


async def test_what_has_ended_is_run_again_and_what_has_not_is_left_alone(scene: Scene) -> None:
    (failed,) = await scene.style.store("fail at first")
    assert await within(scene.style.wait(failed)) is JobStatus.FAILED
    (pending,) = await scene.style.store("work", delay=LATER)
    (running,) = await scene.style.store("hang")
    await within(scene.started.wait())
    scene.failing = False
    answers = await scene.style.retry(failed, pending, running, "nobody")
    assert answers == ["retried", "pending", "running", "unknown"]
    assert await within(scene.style.wait(failed)) is JobStatus.COMPLETED
    assert not scene.stopped.is_set()


async def test_a_job_whose_dedupe_key_is_taken_is_not_run_again(scene: Scene) -> None:
    (first,) = await scene.reader.enqueue("fail at first", dedupe_key="k")
    assert await within(first.wait()) is JobStatus.FAILED
    (second,) = await scene.reader.enqueue("work", dedupe_key="k", execute_after=timedelta(hours=1))
    assert await scene.style.retry(first, second) == ["duplicate", "pending"]
    assert (await scene.left(first)).status is JobStatus.FAILED
