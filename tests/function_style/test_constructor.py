"""What a constructor takes, what it leaves alone, and what people read afterwards."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
import subprocess
import sys

import asyncpg
import pytest

from pg_scheduler import PollingConfig, Scheduler, VacuumConfig
from pg_scheduler.client.source import Library
from pg_scheduler.testing import MemoryDriver
from tests.support.running import eventually, past


def test_positional_order_and_defaults_are_the_documented_ones() -> None:
    parameters = inspect.signature(Scheduler).parameters
    positional = [one for one in parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert [(one.name, one.default) for one in positional] == [
        ("db_pool", inspect.Parameter.empty),
        ("max_concurrent_jobs", 25),
        ("misfire_grace_time", 300),
        ("vacuum_config", None),
        ("vacuum_enabled", True),
        ("batch_claim_limit", 10),
        ("polling_config", None),
    ]


def test_positional_arguments_become_the_attributes_people_read() -> None:
    driver, vacuum, polling = MemoryDriver(), VacuumConfig(), PollingConfig(interval=7)
    scheduler = Scheduler(driver, 3, 120, vacuum, False, 4, polling)
    assert scheduler.db_pool is driver
    assert scheduler.max_concurrent_jobs == 3
    assert scheduler.misfire_grace_time == 120
    assert scheduler.vacuum_config is vacuum
    assert scheduler.vacuum_enabled is False
    assert scheduler.batch_claim_limit == 4
    assert scheduler.polling_config is polling


def test_attributes_of_a_scheduler_that_never_ran() -> None:
    scheduler = Scheduler(MemoryDriver())
    assert (scheduler.is_running, scheduler.is_shutting_down) == (False, False)
    assert scheduler.active_jobs == set()
    assert scheduler.active_tasks == set()
    assert isinstance(scheduler.vacuum_config, VacuumConfig)
    assert isinstance(scheduler.polling_config, PollingConfig)
    assert dict(scheduler.task_map) == {}


async def test_active_jobs_and_tasks_show_what_runs_now(dsn: str, library: Library) -> None:
    go_on = asyncio.Event()

    async def wait() -> None:
        await go_on.wait()

    async with Scheduler.connect(dsn, library=library) as scheduler:
        assert scheduler.is_running
        handle = await scheduler.schedule(wait, execution_time=past())
        await eventually(lambda: scheduler.active_jobs == {str(handle)})
        (task,) = scheduler.active_tasks
        assert isinstance(task, asyncio.Task)
        assert not task.done()
        go_on.set()
        await handle.wait(timeout=45)
        await eventually(lambda: not scheduler.active_jobs and not scheduler.active_tasks)
    assert not scheduler.is_running


def test_class_attributes_have_the_documented_values() -> None:
    assert (Scheduler.HEARTBEAT_THRESHOLD, Scheduler.LEASE_DURATION, Scheduler.WORKER_ID_LENGTH) == (
        120,
        60,
        8,
    )


async def test_a_worker_id_has_eight_characters_and_is_new_for_each_run(dsn: str) -> None:
    scheduler = Scheduler.connect(dsn)
    seen = [scheduler.worker_id]
    for _ in range(2):
        await scheduler.start()
        seen.append(scheduler.worker_id)
        await scheduler.shutdown()
    assert seen[0] == seen[1] != seen[2]
    assert all(isinstance(worker_id, str) and len(worker_id) == 8 for worker_id in seen)
    assert Scheduler(MemoryDriver()).worker_id != Scheduler(MemoryDriver()).worker_id


async def test_overridden_class_attributes_are_obeyed(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    class Long(Scheduler):
        LEASE_DURATION = 4000
        WORKER_ID_LENGTH = 12

    async def look() -> None:
        leases.append(await sql.fetchval("SELECT lease_until - now() FROM scheduled_jobs"))

    leases: list[object] = []
    async with Long.connect(dsn, library=library) as scheduler:
        assert len(scheduler.worker_id) == 12
        handle = await scheduler.schedule(look, execution_time=past())
        await handle.wait(timeout=45)
        assert await sql.fetchval("SELECT worker_id FROM scheduled_jobs") == scheduler.worker_id
    (lease,) = leases
    assert 3900 < lease.total_seconds() <= 4000  # type: ignore[attr-defined]


@pytest.mark.parametrize(("threshold", "taken"), [(30, True), (90, False)])
async def test_the_heartbeat_threshold_gives_up_running_rows_without_a_lease(
    dsn: str, sql: asyncpg.Connection, threshold: int, taken: bool
) -> None:
    class Watching(Scheduler):
        HEARTBEAT_THRESHOLD = threshold

    async with Watching.connect(dsn) as scheduler:
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, last_heartbeat)"
            " VALUES ('old', 'somebody:elses', now(), 'running', now() - interval '60 seconds')"
        )
        recovered = await scheduler.recover_orphaned_jobs()
        status = await sql.fetchval("SELECT status FROM scheduled_jobs")
    assert status == ("pending" if taken else "running")
    assert [one.job_id for one in recovered] in ([["old"], []] if taken else [[]])


def test_a_constructor_touches_neither_signals_nor_logging() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    Scheduler(MemoryDriver())
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert list(logging.getLogger().handlers) == handlers
    assert logging.getLogger().level == level


async def test_a_start_touches_neither_signals_nor_logging(dsn: str) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    handlers = list(logging.getLogger().handlers)
    async with Scheduler.connect(dsn):
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
        assert list(logging.getLogger().handlers) == handlers


def test_a_scheduler_can_be_made_in_a_thread_and_outside_of_any_loop() -> None:
    program = (
        "import threading, logging\n"
        "from pg_scheduler import Scheduler\n"
        "made = []\n"
        "thread = threading.Thread(target=lambda: made.append(Scheduler('postgresql://nowhere/x')))\n"
        "thread.start(); thread.join()\n"
        "print(len(made), logging.getLogger().handlers)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "[]"]
