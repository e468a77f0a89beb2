"""`pgq run`: jobs that another process enqueues, signals, and its options."""

from __future__ import annotations

import signal
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.queries import Queries
from tests.adapters.cli.apps import Shop
from tests.support.ignored_signals import ignoring
from tests.support.running import eventually

LISTENING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ~* '^\\s*LISTEN'
"""
RUNNING = "SELECT count(*) FROM scheduled_jobs WHERE status = 'running'"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_lets_running_jobs_end_and_starts_no_more(
    shop: Shop, queries: Queries, sql: asyncpg.Connection, number: signal.Signals
) -> None:
    async with shop.worker("shop.main", "--concurrency", "1") as run:
        await queries.enqueue("mail", b"first")
        await eventually(lambda: "mail:first" in shop.notes)
        await queries.enqueue("nap", b"0.5", priority=1)
        await queries.enqueue("mail", b"second")
        await eventually(lambda: "napping" in shop.notes)
        run.send(number)
        assert await run.ended() == 0, run.err
    assert shop.notes == ["mail:first", "napping", "woke"]
    assert await sql.fetchval(RUNNING) == 0
    assert await sql.fetchval("SELECT count(*) FROM scheduled_job_workers") == 0


async def test_a_second_signal_releases_running_jobs_at_once(
    either_shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    async with either_shop.worker("shop.main", "--shutdown-timeout", "600") as run:
        await queries.enqueue("nap", b"600")
        await eventually(lambda: "napping" in either_shop.notes)
        run.send(signal.SIGTERM)
        await run.said("waiting for running jobs")
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err
    assert either_shop.notes == ["napping", "disturbed"]
    row = await sql.fetchrow("SELECT status, attempt_count, execution_time <= now() FROM scheduled_jobs")
    assert tuple(row) == ("pending", 0, True), "another worker may claim it now"


async def test_past_the_grace_jobs_are_released_without_a_second_signal(
    shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    async with shop.worker("shop.main", "--shutdown-timeout", "0.2") as run:
        await queries.enqueue("nap", b"600")
        await eventually(lambda: "napping" in shop.notes)
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err
    assert await sql.fetchval("SELECT status FROM scheduled_jobs") == "pending"


@pytest.mark.slow
async def test_a_thread_that_does_not_end_does_not_keep_the_process(shop: Shop, queries: Queries) -> None:
    shop.write(
        "deaf",
        "import asyncio, time, shop\n"
        "def main():\n"
        "    pgq = shop.app()\n"
        "    @pgq.entrypoint('deaf')\n"
        "    async def deaf(job):\n"
        "        shop.note('deaf')\n"
        "        await asyncio.to_thread(time.sleep, 600)\n"
        "    return pgq\n",
    )
    async with shop.worker("deaf.main", "--shutdown-timeout", "0") as run:
        await queries.enqueue("deaf")
        await eventually(lambda: "deaf" in shop.notes)
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err


async def test_a_signal_while_the_application_is_being_made_ends_it(shop: Shop) -> None:
    shop.write(
        "slow",
        "import asyncio, shop\n"
        "async def main():\n"
        "    shop.note('making')\n"
        "    try:\n"
        "        await asyncio.sleep(600)\n"
        "    finally:\n"
        "        shop.note('tidied')\n",
    )
    async with shop.run("slow.main") as run:
        await eventually(lambda: "making" in shop.notes)
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err
    assert shop.notes == ["making", "tidied"]


async def test_a_hang_up_that_is_ignored_stays_ignored(shop: Shop, queries: Queries) -> None:
    with ignoring(signal.SIGHUP):
        async with shop.worker("shop.main") as run:
            run.send(signal.SIGHUP)
            await queries.enqueue("mail", b"after")
            await eventually(lambda: "mail:after" in shop.notes)
            run.send(signal.SIGTERM)
            assert await run.ended() == 0, run.err


async def test_an_interrupt_ends_a_worker_for_which_a_shell_ignores_it(shop: Shop) -> None:
    with ignoring(signal.SIGINT):
        async with shop.worker("shop.main") as run:
            run.send(signal.SIGINT)
            assert await run.ended() == 0, run.err


async def test_drain_ends_once_nothing_is_due(
    either_shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    await queries.enqueue(["mail"] * 30, [str(number).encode() for number in range(30)])
    (later,) = await queries.enqueue("mail", b"later", execute_after=timedelta(hours=1))
    async with either_shop.run("shop.main", "--drain") as run:
        assert await run.ended() == 0, run.err
    assert sorted(either_shop.notes) == sorted(f"mail:{number}" for number in range(30))
    assert await sql.fetchval("SELECT job_id FROM scheduled_jobs WHERE status = 'pending'") == later


async def test_drain_of_an_empty_queue_ends_at_once_without_making_a_fuss(shop: Shop) -> None:
    async with shop.run("shop.main", "--drain", "--log-level", "warning") as run:
        assert (await run.ended(), run.err) == (0, "")


async def test_only_some_entrypoints_are_run(shop: Shop, queries: Queries, sql: asyncpg.Connection) -> None:
    await queries.enqueue(["mail", "bill", "nap", "tick"], [b"1", b"2", b"0", None])
    async with shop.run("shop.main", "--drain", "--only", "mail,tick", "--only", "nap") as run:
        assert await run.ended() == 0, run.err
    assert sorted(shop.notes) == ["mail:1", "napping", "tick", "woke"]
    assert await sql.fetchval("SELECT job_name FROM scheduled_jobs WHERE status = 'pending'") == "bill"


async def test_only_some_queues_are_served(shop: Shop, queries: Queries) -> None:
    await queries.enqueue(["mail"] * 3, [b"1", b"2", b"3"], queue=["a", "b", "c"])
    async with shop.run("shop.main", "--queues", "a,c", "--drain") as run:
        assert await run.ended() == 0, run.err
    assert sorted(shop.notes) == ["mail:1", "mail:3"]
    assert [job.queue for job in await queries.jobs(status="pending")] == ["b"]


async def test_an_entrypoint_where_a_queue_is_meant_is_pointed_out(shop: Shop, queries: Queries) -> None:
    async with shop.run("shop.main", "--queues", "mail", "--drain") as run:
        assert await run.ended() == 0, run.err
    assert (
        "--queues 'mail': that is also an entrypoint or task, whose jobs wait in the queue 'default'"
        in run.err
    )


async def test_queues_with_slots_run_so_many_jobs_at_once(shop: Shop, queries: Queries) -> None:
    await queries.enqueue(["nap"] * 3, [b""] * 3, queue=["a", "a", "b"])
    async with shop.run("shop.main", "--queues", "a:1,b:3") as run:
        await eventually(lambda: shop.notes.count("napping") == 2)
        assert {job.queue for job in await queries.jobs(status="running")} == {"a", "b"}
        shop.wake_all()
        await eventually(lambda: shop.notes.count("woke") == 3)
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err


@pytest.mark.parametrize("said", ["a:0", "a:x", ":3", "a:"])
async def test_slots_that_are_no_number_are_an_error(shop: Shop, said: str) -> None:
    async with shop.run("shop.main", "--queues", said) as run:
        assert await run.ended() == 2
    assert "expected QUEUE or QUEUE:N" in run.err


async def test_no_names_of_queues_are_an_error(shop: Shop) -> None:
    async with shop.run("shop.main", "--queues", " , ") as run:
        assert await run.ended() == 2
    assert "--queues: expected names, separated by commas" in run.err


@pytest.mark.parametrize(
    ("name", "advice"),
    [("mial", "Did you mean 'mail'?"), ("zzz", "The application has: bill, mail, nap, schedule:tick, tick")],
)
async def test_an_entrypoint_that_the_application_does_not_have_is_refused(
    shop: Shop, name: str, advice: str
) -> None:
    async with shop.run("shop.main", "--only", name) as run:
        assert await run.ended() == 2
    assert run.err == f"pgq: --only: the application has no task {name!r}. {advice}\n"


async def test_without_listen_a_worker_looks_for_jobs(
    either_shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    async with either_shop.worker("shop.main", "--no-listen", "--dequeue-timeout", "0.2") as run:
        await queries.enqueue("mail", b"found")
        await eventually(lambda: "mail:found" in either_shop.notes)
        assert await sql.fetchval(LISTENING) == 0
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err


async def test_a_worker_listens_if_not_told_otherwise(
    either_shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    """The control."""
    async with either_shop.worker("shop.main"):
        await eventually(lambda: sql.fetchval(LISTENING))


async def test_a_paused_entrypoint_rests_in_every_worker_until_it_is_resumed(
    shop: Shop, queries: Queries, sql: asyncpg.Connection
) -> None:
    async with shop.worker("shop.main") as first, shop.worker("shop.main") as second:
        await queries.pause_task("mail")
        await queries.enqueue("mail", b"1")
        await queries.enqueue("bill", b"2")
        await eventually(lambda: "bill:2" in shop.notes)
        assert shop.notes == ["bill:2"]
        assert await sql.fetchval("SELECT status FROM scheduled_jobs WHERE job_name = 'mail'") == "pending"
        await queries.resume_task("mail")
        await eventually(lambda: "mail:1" in shop.notes)
        for run in (first, second):
            run.send(signal.SIGTERM)
            assert await run.ended() == 0, run.err


async def test_a_database_out_of_reach_is_said_in_one_line_without_the_password(
    shop: Shop, library: Library
) -> None:
    nowhere = "postgresql://me:hush-hush@127.0.0.1:1/nowhere"
    async with shop.run("shop.main", SHOP_DSN=nowhere) as run:
        assert await run.ended() == 1
    assert run.err.splitlines()[-1].startswith("pgq: ")
    assert "Check that the server runs" in run.err
    assert "Traceback" not in run.err
    assert "hush" not in run.err
