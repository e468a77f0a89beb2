"""`pgq run --processes`: several workers, kept alive, ended together."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import asyncpg
import pytest

from pg_scheduler.queries import Queries
from pg_scheduler_cli import children
from tests.adapters.cli.apps import Shop
from tests.support.processes import alive
from tests.support.running import eventually, within

PIDS = "SELECT pid FROM scheduled_job_workers"
RUNNING = "SELECT count(*) FROM scheduled_jobs WHERE status = 'running'"


async def pids(sql: asyncpg.Connection) -> set[int]:
    """The processes of the workers that are registered."""
    return {row["pid"] for row in await sql.fetch(PIDS)}


async def test_a_killed_process_is_replaced_and_a_signal_ends_them_all(
    shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    await queries.install()
    async with shop.run("shop.main", "--processes", "2", "--concurrency", "1") as run:
        await run.said("a worker process is ready", times=2)
        first, second = await eventually(lambda: _two(sql))
        os.kill(first, signal.SIGKILL)
        await run.said("a worker process is ready", times=3)
        assert "exit_code=-9" in run.err
        await queries.enqueue(["nap", "nap"])
        await eventually(lambda: shop.notes.count("napping") == 2)
        assert second in shop.pids(), "the other one went on"
        assert first not in shop.pids()
        run.send(signal.SIGTERM)
        shop.wake_all()
        assert await run.ended() == 0, run.err
    assert shop.notes.count("woke") == 2
    assert await sql.fetchval(RUNNING) == 0
    assert not any(alive(pid) for pid in shop.pids())


async def _two(sql: asyncpg.Connection) -> list[int]:
    found = await pids(sql)
    return sorted(found) if len(found) == 2 else []


async def test_a_second_signal_reaches_every_process(
    shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    await queries.install()
    arguments = ("--processes", "2", "--concurrency", "1", "--shutdown-timeout", "60")
    async with shop.run("shop.main", *arguments) as run:
        await run.said("a worker process is ready", times=2)
        await queries.enqueue(["nap", "nap"], [b"600", b"600"])
        await eventually(lambda: shop.notes.count("napping") == 2)
        run.send(signal.SIGINT)
        await run.said("waiting for running jobs", times=3)
        run.send(signal.SIGINT)
        assert await run.ended() == 0, run.err
    assert shop.notes.count("disturbed") == 2
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE status = 'pending'") == 2


async def test_a_signal_to_all_processes_at_once_is_heard_as_one(
    shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    await queries.install()
    async with shop.run("shop.main", "--processes", "2", "--concurrency", "1") as run:
        await run.said("a worker process is ready", times=2)
        await queries.enqueue(["nap", "nap"])
        await eventually(lambda: shop.notes.count("napping") == 2)
        run.send(signal.SIGTERM)
        for pid in shop.pids():
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
        shop.wake_all()
        assert await run.ended() == 0, run.err
    assert sorted(shop.notes) == ["napping", "napping", "woke", "woke"]


async def test_the_processes_end_with_a_parent_that_was_killed(
    shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    await queries.install()
    async with shop.run("shop.main", "--processes", "2", "--concurrency", "1") as run:
        await run.said("a worker process is ready", times=2)
        await queries.enqueue(["nap", "nap"], [b"0.3", b"0.3"])
        await eventually(lambda: shop.notes.count("napping") == 2)
        run.send(signal.SIGKILL)
        await eventually(lambda: not any(alive(pid) for pid in shop.pids()))
    assert shop.notes.count("woke") == 2, "in an orderly way"
    assert await sql.fetchval(RUNNING) == 0


async def test_drain_ends_when_every_process_has_drained(shop: Shop, queries: Queries) -> None:
    await queries.enqueue(["mail"] * 40, [b"x"] * 40)
    async with shop.run("shop.main", "--processes", "2", "--drain", "--only", "mail") as run:
        assert await run.ended() == 0, run.err
    assert shop.notes == ["mail:x"] * 40


@pytest.mark.parametrize(
    ("arguments", "code"), [(["broken.main"], 1), (["shop.mian"], 2), (["shop.main", "--only", "zzz"], 2)]
)
async def test_what_is_wrong_with_the_program_is_said_once(
    shop: Shop, arguments: list[str], code: int
) -> None:
    shop.write("broken", "raise LookupError('here')\n")
    async with shop.run(*arguments, "--processes", "4", "--log-level", "error") as run:
        assert await run.ended() == code
    assert run.err.count("pgq: ") == 1, run.err


async def test_a_program_that_no_longer_works_is_given_up_after_some_attempts(
    shop: Shop, sql: asyncpg.Connection, queries: Queries, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    await queries.install()
    monkeypatch.setattr(children, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(children, "FAILED_STARTS", 2)
    monkeypatch.chdir(shop.folder)
    monkeypatch.setenv("SHOP_DSN", dsn)
    command = [sys.executable, "-m", "pg_scheduler_cli", "run", "--child", "shop.main"]
    crew = asyncio.create_task(children._Crew(command, 2, drain=False, grace=30.0).run())
    first, _ = await eventually(lambda: _two(sql))
    shop.write("shop", "raise LookupError('a bad deploy')")
    os.kill(first, signal.SIGKILL)
    assert await within(crew) == 1
    assert await pids(sql) == {first}, "the other one has said goodbye"


async def test_a_process_has_no_input_to_read(shop: Shop, queries: Queries) -> None:
    shop.write(
        "curious",
        "import sys, shop\n"
        "def main():\n"
        "    pgq = shop.app()\n"
        "    @pgq.entrypoint('ask')\n"
        "    def ask(job):\n"
        "        shop.note(f'read{sys.stdin.read()!r}')\n"
        "    return pgq\n",
    )
    await queries.enqueue("ask")
    async with shop.run("curious.main", "--processes", "2", "--drain") as run:
        assert await run.ended() == 0, run.err
    assert shop.notes == ["read''"]
