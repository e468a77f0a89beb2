"""Every Python block of the contract's documents runs, over memory and both PostgreSQL libraries.

A prelude gives the names that a fragment leaves open. Where a block makes an application or enqueues
something, it is run until that has happened.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import psycopg
import pytest

import pg_scheduler
import pg_scheduler.db
from pg_scheduler import JobStatus, PgQueuer, Queries, Scheduler, SchedulerManager
from pg_scheduler.app import App
from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from tests.contract_examples.blocks import FOLDER, Block, blocks
from tests.support.databases import give_back, new_database

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the contract's documents are not beside this checkout"
)

PATIENCE = 20.0
_sleep = asyncio.sleep


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def source(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """What a block's `asyncpg.connect()` or pool stands for: a store, or a connection to a new database."""
    if request.param == "memory":
        yield MemoryDriver()
        return
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    connect = asyncpg.connect if request.param == "asyncpg" else psycopg.AsyncConnection.connect
    connection: Any = await connect(dsn)
    yield connection
    await connection.close()
    await give_back(server, dsn)


@pytest.fixture
async def scene(source: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A place to run blocks in; what they leave running is stopped."""
    made = Scene(source)
    monkeypatch.setattr(importlib.import_module("pg_scheduler.periodic"), "_registered", {})
    monkeypatch.setattr(asyncpg, "connect", made.connect)
    monkeypatch.setattr(asyncpg, "create_pool", made.connect)
    monkeypatch.setattr(pg_scheduler.db, "AsyncpgDriver", driver_over, raising=False)
    # The documents sleep for minutes to keep a program alive.
    monkeypatch.setattr(asyncio, "sleep", lambda seconds, *result: _sleep(min(seconds, 0.05), *result))
    await made.app.scheduler.initialize_db()
    yield made
    await made.close()


class Scene:
    """Names for fragments, and what came of a block."""

    def __init__(self, source: Any) -> None:
        self.driver: Driver = driver_over(source)
        self.app = PgQueuer(self.driver)
        self.queries = Queries(self.driver)
        self.done: list[Any] = []
        self.names: dict[str, Any] = {
            "__name__": "contract",
            **{name: getattr(pg_scheduler, name) for name in pg_scheduler.__all__},
            "asyncio": asyncio, "datetime": datetime, "timedelta": timedelta, "UTC": UTC,
            "driver": self.driver, "db_driver": self.driver, "db_pool": self.driver,
            "pgq": self.app, "qm": self.app.qm, "sc": self.app.sm, "entrypoint": self.app.entrypoint,
            "scheduler": Scheduler(self.driver), "vacuum_config": pg_scheduler.VacuumConfig(),
            "dedup_key": "key", "Queries": Queries, "queries": self.queries, "job_ids": [],
            "job_steps": [1, 2],
            "perform_task": self._perform,
        }  # fmt: skip

    async def connect(self, *_: Any, **__: Any) -> Any:
        """In place of asyncpg's: the store of this test."""
        return self.driver

    def _perform(self, *what: Any) -> Awaitable[None]:
        self.done.append(what)
        return _Done()

    async def run(self, block: Block) -> None:
        """Execute a block; if it ends in the middle of a call or decorator, complete it as a reader would."""
        text = block.text
        try:
            tree = ast.parse(text)
        except SyntaxError:
            text += "async def decorated():\n    pass\n"
            tree = ast.parse(text)
        code = compile(tree, block.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, self.names)
        if inspect.isawaitable(result):
            await result
        main = self.names.get("main")
        if main is not None and "def main" in text:
            made = await asyncio.wait_for(main(), PATIENCE)
            if isinstance(made, App):
                self.app = made  # type: ignore[assignment]

    async def close(self) -> None:
        for value in [self.app, *self.names.values()]:
            if isinstance(value, Scheduler | App):
                await value.shutdown(1)
        await self.queries.close()


class _Done:
    """What may be awaited, and need not be: sync code calls the same function."""

    def __await__(self) -> Iterator[None]:
        yield from ()


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.name)
async def test_a_block_of_the_contract_runs(block: Block, scene: Scene) -> None:
    if "executor_factory=NotificationExecutor" in block.text:
        await scene.run(_with("class NotificationExecutor"))
    await scene.run(block)


def _with(block_text: str) -> Block:
    """The one block that holds this text."""
    (found,) = [block for block in blocks("python") if block_text in block.text]
    return found


async def _processed(scene: Scene, name: str, payload: bytes | None = b"email|hello") -> JobStatus:
    """How a job ends that is enqueued for an entrypoint of the block that was run."""
    running = asyncio.create_task(scene.app.run())
    try:
        (job,) = await scene.queries.enqueue(name, payload)
        return await job.wait(timeout=PATIENCE)
    finally:
        await scene.app.shutdown()
        await asyncio.wait({running})


@pytest.mark.parametrize(
    ("text", "entrypoint"),
    [
        ("concurrency_limit=4", "data_processing"),
        ("requests_per_second=10", "data_processing"),
        ("serialized_dispatch=True", "shared_resource"),
        ("get_context(job.id).cancellation:", "task_entrypoint"),
        ("cancel_scope.cancel_called", "sync_entrypoint"),
        ("from pg_scheduler import PgQueuer", "fetch"),
    ],
)
async def test_an_entrypoint_of_the_contract_processes_a_job(
    scene: Scene, text: str, entrypoint: str
) -> None:
    await scene.run(_with(text))
    assert await _processed(scene, entrypoint) is JobStatus.COMPLETED


async def test_the_executor_of_the_contract_sends(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    await scene.run(_with("class NotificationExecutor"))
    await scene.run(_with("executor_factory=NotificationExecutor"))
    assert await _processed(scene, "user_notification") is JobStatus.COMPLETED
    assert "hello" in capsys.readouterr().out


async def test_a_schedule_of_the_contract_is_stored_and_runs(scene: Scene) -> None:
    await scene.run(_with("sc = SchedulerManager(driver)"))
    assert isinstance(scene.app, SchedulerManager)
    await scene.app.scheduler.initialize_db()
    await scene.app.scheduler.register_schedules()
    (stored,) = await scene.driver.list_schedules()
    assert await scene.app.scheduler.trigger_periodic_job(stored.new.key) is not None
    assert await _processed(scene, "fetch_db", None) is JobStatus.COMPLETED


async def test_the_cancelling_blocks_cancel_what_they_enqueued(scene: Scene) -> None:
    await scene.run(_with("queries = Queries(db_driver)"))
    await scene.run(_with("mark_job_as_cancelled(job_ids)"))
    (job_id,) = scene.names["job_ids"]
    assert await scene.queries.handle(job_id).status() is JobStatus.CANCELLED


async def test_the_delayed_block_waits_its_minute(scene: Scene) -> None:
    await scene.run(_with("execute_after=timedelta(minutes=1)"))
    (record,) = await scene.driver.jobs()
    assert timedelta(seconds=50) < record.execution_time - record.created_at <= timedelta(seconds=61)


async def test_the_documented_table_is_understood(server: Any) -> None:
    """An installation that has just the documented table is upgraded in place."""
    (block,) = blocks("sql")
    dsn = await new_database(server)
    connection = await asyncpg.connect(dsn)
    await connection.execute(block.text)
    await Scheduler(connection).initialize_db()
    await connection.close()
    await give_back(server, dsn)
