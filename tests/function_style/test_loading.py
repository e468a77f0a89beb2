"""Finding the functions of pending jobs again, and importing nothing else."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.testing import MemoryDriver
from tests.client.standing import LongLease, StandingClock
from tests.support.processes import ROOT
from tests.support.running import eventually, idle, past, within

TRUSTED = "tests.support.trusted.mail"
PACKAGE = "tests.support.trusted"


async def submit(client: Scheduler, *names: str) -> None:
    for name in names:
        await client.schedule_job(name, past(), {"args": ["someone"]}, job_id=name)


async def statuses(sql: asyncpg.Connection) -> dict[str, str]:
    return {row["job_id"]: row["status"] for row in await sql.fetch("SELECT * FROM scheduled_jobs")}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"{TRUSTED}:send", id="by module and function"),
        pytest.param("send", id="by its bare name"),
        pytest.param("mail.digest", id="by the name it was given"),
        pytest.param(f"{TRUSTED}:print_letter", id="a thread's"),
    ],
)
async def test_a_worker_finds_the_tasks_of_trusted_modules_when_it_starts(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, name: str
) -> None:
    await submit(client, name)
    async with Scheduler.connect(dsn, task_modules=[TRUSTED]) as scheduler:
        await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))
        assert name in scheduler.task_map


async def test_a_job_that_comes_later_starts_at_once() -> None:
    """The worker looks for nothing unasked, so it has known the task since its start."""
    scheduler = LongLease(MemoryDriver(), clock=StandingClock(), task_modules=[TRUSTED])
    async with scheduler:
        await eventually(lambda: scheduler.worker.services.claimer.empty_polls > 0)
        for name in (f"{TRUSTED}:send", "mail.digest", f"{TRUSTED}:print_letter"):
            job_id = await scheduler.schedule_job(name, past(), {"args": ["someone"]})
            assert await within(scheduler.handle(job_id).wait()) is JobStatus.COMPLETED
        assert f"{TRUSTED}:not_a_task" not in scheduler.task_map
        assert len(scheduler.task_map) == 3, "what a module imports from elsewhere is not offered"


async def test_a_module_is_registered_by_hand() -> None:
    scheduler = Scheduler(MemoryDriver())
    mail = importlib.import_module(TRUSTED)
    assert scheduler.register_module(mail) == [f"{TRUSTED}:send", "mail.digest", f"{TRUSTED}:print_letter"]
    assert scheduler.task_map["mail.digest"] is mail.digest_of_the_day


async def test_a_task_whose_name_is_taken_does_not_keep_the_worker_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def other(to: str) -> None:
        """Not what the module means by this name."""

    scheduler = Scheduler(MemoryDriver(), task_modules=[TRUSTED])
    scheduler.register(other, name="mail.digest")
    async with scheduler:
        assert scheduler.task_map["mail.digest"] is other
        assert f"{TRUSTED}:print_letter" in scheduler.task_map
    assert "already names another function" in caplog.text


async def test_a_trusted_package_covers_its_submodules(
    dsn: str, client: Scheduler, sql: asyncpg.Connection
) -> None:
    await submit(client, f"{TRUSTED}:send")
    async with Scheduler.connect(dsn, task_modules=[PACKAGE]):
        await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))


async def test_what_is_found_and_what_is_not_is_reported(dsn: str, client: Scheduler) -> None:
    found = ("mail.digest", "send", f"{TRUSTED}:print_letter")
    missing = (
        "no_such_function",
        "no.such.module:job",
        "tests.support.untrusted:job",
        f"{TRUSTED}:Mailbox",
        f"{TRUSTED}:not_a_task",
        f"{TRUSTED}:sent.append",
        f"{TRUSTED}:sleep",
        f"{PACKAGE}x:job",
        f"{PACKAGE}.missing:job",
        "os:_exit",
        "builtins:print",
    )
    await submit(client, *found, *missing)
    async with idle(Scheduler.connect(dsn, task_modules=[TRUSTED, PACKAGE])) as scheduler:
        loaded = await scheduler.load_task_functions()
    assert loaded.resolved == tuple(sorted(found))
    assert loaded.unresolved == tuple(sorted(missing))
    assert "tests.support.untrusted" not in sys.modules


async def test_without_trusted_modules_nothing_is_imported(dsn: str, client: Scheduler) -> None:
    await submit(client, f"{PACKAGE}.broken:job", "tests.support.untrusted:job", "antigravity:geohash")
    async with Scheduler.connect(dsn) as scheduler:
        assert (await scheduler.load_task_functions()).resolved == ()
    assert not {"tests.support.untrusted", "antigravity", f"{PACKAGE}.broken"} & set(sys.modules)


async def test_a_module_that_cannot_be_imported_does_not_keep_the_worker_from_starting(
    dsn: str, client: Scheduler, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await submit(client, f"{PACKAGE}.broken:job", f"{TRUSTED}:send")
    with caplog.at_level(logging.ERROR, "pg_scheduler.engine.tasks.task_loader"):
        async with Scheduler.connect(dsn, task_modules=[PACKAGE]):
            done = "SELECT status = 'completed' FROM scheduled_jobs WHERE job_id = $1"
            await eventually(lambda: sql.fetchval(done, f"{TRUSTED}:send"))
    assert (await statuses(sql))[f"{PACKAGE}.broken:job"] == "pending"
    assert "broken on purpose" in caplog.text


PROGRAM = """
import asyncio, sys
from datetime import datetime, timezone
from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.testing import MemoryDriver
from tests.client.standing import LongLease, StandingClock

async def greet(name):
    print("hello", name, flush=True)

def make(word):
    async def closure(name):
        print(word, name, flush=True)
    return closure

async def main():
    if sys.argv[2] == "submit":
        scheduler = Scheduler.connect(sys.argv[1])
        await scheduler.initialize_db()
        await scheduler.schedule(greet, execution_time=datetime.now(timezone.utc), args=("world",))
        await scheduler.schedule(make("bye"), execution_time=datetime.now(timezone.utc), args=("moon",))
        await scheduler.shutdown()
    else:
        async with Scheduler.connect(sys.argv[1]) as scheduler:
            scheduler.register(make("bye"))
            while (await scheduler.driver.insight.counts())["completed"] < 2:
                await asyncio.sleep(0.05)

asyncio.run(main())
"""


def test_after_a_restart_a_program_finds_the_functions_of_its_own_main_module(
    dsn: str, tmp_path: Path
) -> None:
    """And a closure that captures the same values is the same task."""
    program = tmp_path / "app.py"
    program.write_text(PROGRAM)
    for step in ("submit", "run"):
        done = subprocess.run(
            [sys.executable, str(program), dsn, step],
            capture_output=True, text=True, timeout=30, check=False, env=None, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["bye moon", "hello world"]
