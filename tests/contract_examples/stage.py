"""Where an example runs: a database of one kind, and the names that a fragment leaves open."""

from __future__ import annotations

import ast
import asyncio
import inspect
import types
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import psycopg
import psycopg_pool
import pytest

import pg_scheduler.db
from pg_scheduler import PgQueuer, Queries, Scheduler, VacuumConfig
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver
from tests.contract_examples.documents import Block, blocks_of
from tests.support.running import eventually, within

LONG = 60.0
"""Seconds of sleep from which on an example waits for its jobs."""


class Stage:
    """Runs blocks in one namespace, over one store.

    Examples connect with asyncpg and to a database of their own choice. Here `asyncpg.connect()` and
    `asyncpg.create_pool(...)` give what this stage's kind of store is reached by.
    """

    def __init__(self, kind: str, dsn: str | None, driver: Driver) -> None:
        self.kind = kind
        self.dsn = dsn
        self.driver = driver
        self.clock = ManualClock()
        self.pgq = PgQueuer(Scheduler(driver, periodic_jobs_enabled=False))
        self.queries = Queries(driver)
        self.performed: list[Any] = []
        self.gate = asyncio.Event()
        """Until it is set, `perform_task` does not end."""
        self.started: list[Scheduler] = []
        self.connections: list[Any] = []
        module = types.ModuleType("example")
        self.names = module.__dict__
        self.names.update(self._prelude())

    def _prelude(self) -> dict[str, Any]:
        async def perform_task(data: object = None) -> None:
            self.performed.append(data)
            await self.gate.wait()

        return {
            "asyncio": asyncio, "timedelta": timedelta, "datetime": datetime, "UTC": UTC,
            **{name: getattr(pg_scheduler, name) for name in pg_scheduler.__all__},
            "vacuum_config": VacuumConfig(),
            "driver": self.driver, "db_driver": self.driver, "db_pool": self.driver,
            "pgq": self.pgq, "qm": self.pgq.qm, "sc": self.pgq.sm, "entrypoint": self.pgq.qm.entrypoint,
            "queries": self.queries, "perform_task": perform_task,
        }  # fmt: skip

    # --- what examples connect by

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have asyncpg and the driver's class lead to this stage's store."""
        connect, start = asyncpg.connect, Scheduler.start

        async def given_connection(*args: Any, **options: Any) -> Any:
            if args or options:
                return await connect(*args, **options)
            if self.kind == "memory":
                return self.driver
            if self.kind == "psycopg":
                made = await psycopg.AsyncConnection.connect(str(self.dsn), autocommit=True)
            else:
                made = await connect()  # by PGHOST and its siblings
            self.connections.append(made)
            return made

        async def noted_start(scheduler: Scheduler) -> None:
            self.started.append(scheduler)
            await start(scheduler)

        monkeypatch.setattr(asyncpg, "connect", given_connection)
        monkeypatch.setattr(asyncpg, "create_pool", self._pool_like(asyncpg.create_pool))
        monkeypatch.setattr(Scheduler, "start", noted_start)
        if self.kind != "asyncpg":
            over = pg_scheduler.db.driver_over
            monkeypatch.setattr(pg_scheduler.db, "AsyncpgDriver", over, raising=False)

    def _pool_like(self, create_pool: Callable[..., Any]) -> Callable[..., Any]:
        def given_pool(*args: Any, **options: Any) -> Any:
            if args:
                return create_pool(*args, **options)  # the driver's own
            assert {"user", "password", "database", "host"} <= set(options)
            return made()

        async def made() -> Any:
            if self.kind == "memory":
                return self.driver
            if self.kind == "psycopg":
                pool = psycopg_pool.AsyncConnectionPool(str(self.dsn), open=False)
                await pool.open()
                return pool
            return await create_pool(self.dsn, min_size=1)

        return given_pool

    # --- running

    async def run(self, block: Block, and_then: str = "") -> None:
        """Execute a block, with `await` at its top level; `and_then` completes what is no whole program."""
        source = "\n" * (block.line - 1) + block.text + and_then
        code = compile(source, str(block.document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        answer: Any = eval(code, self.names)
        if inspect.iscoroutine(answer):
            await within(answer)

    async def run_the_one_before(self, block: Block) -> None:
        """Execute the Python block that stands before this one in its document."""
        before = [
            one for one in blocks_of(block.document) if one.language == "python" and one.line < block.line
        ]
        await self.run(before[-1])

    async def main(self) -> Any:
        """Call the `main` that a block has defined; its long sleeps end when its jobs have."""
        self.names["asyncio"] = _Hurried(self._jobs_have_run)
        return await within(self.names["main"]())

    async def _jobs_have_run(self) -> None:
        (scheduler,) = self.started
        jobs = [job for job in await scheduler.driver.insight.jobs() if job.schedule_key is None]
        assert jobs, "the example says that it has scheduled something"
        for job in jobs:
            assert timedelta(minutes=4) < job.execution_time - datetime.now(UTC) <= timedelta(minutes=5)
            assert await scheduler.worker.steps.claim_and_start_job(job.job_id) is not None

        async def all_completed() -> bool:
            return all(
                job.status == "completed"
                for job in await scheduler.driver.insight.jobs()
                if job.schedule_key is None
            )

        await eventually(all_completed)

    async def close(self) -> None:
        """Stop what the example has left."""
        self.gate.set()
        for scheduler in [self.pgq.scheduler, *self.started]:
            await scheduler.shutdown(0)
        for connection in self.connections:
            await connection.close()
        await self.queries.close()


class _Hurried:
    """asyncio, but for its sleep."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        self._wait = wait

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        """Short ones are skipped, long ones are waits."""
        await (self._wait() if seconds >= LONG else asyncio.sleep(0))


@asynccontextmanager
async def stage_of(kind: str, dsn: str | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A stage with its tables made; closed in the end."""
    driver = MemoryDriver() if dsn is None else pg_scheduler.db.driver_over(dsn, library=kind)
    stage = Stage(kind, dsn, driver)
    stage.patch(monkeypatch)
    await stage.queries.open()
    try:
        yield stage
    finally:
        await stage.close()
