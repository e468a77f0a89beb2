"""`pgq run` over several databases: three servers, one process."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler_cli.several import places_of
from pg_scheduler_embedded import EmbeddedServer
from tests.adapters.cli.apps import Shop
from tests.adapters.cli.test_run_health import got, port_of
from tests.support.databases import versions_to_test
from tests.support.running import eventually

TENANTS = """
from pg_scheduler import Scheduler, task
from shop import note


@task(name="second")
async def second(name: str) -> None:
    note(f"second:{name}")


@task(name="first")
async def first(name: str) -> None:
    note(f"first:{name}")
    await second.enqueue(name)


def main(dsn: str) -> Scheduler:
    return Scheduler(dsn, task_modules=["tenants"], library=LIBRARY)
"""
WORKERS = "SELECT count(*) FROM scheduled_job_workers"


def test_places_have_names_of_their_own_and_no_passwords() -> None:
    dsns = [
        "postgresql://app:hunter2@db1:5432/app", "postgresql://app@db2,db3/app?target_session_attrs=read-write",
        "host=db4 port=6432 dbname=app password=hunter2",
        "postgresql://app:hunter2@db1:5432/app?options=-csearch_path%3Db",
    ]  # fmt: skip
    assert places_of(dsns) == dict(
        zip(["db1:5432/app#1", "db2,db3/app", "db4:6432/app", "db1:5432/app#2"], dsns, strict=True)
    )


@pytest.mark.slow
async def test_a_function_that_takes_no_connection_string_is_told_so(shop: Shop) -> None:
    wrong = {"shop.main": "must be callable with a connection string", "shop:note": "expected a PgQueuer"}
    for path, words in wrong.items():
        async with shop.run(path, "--dsn", "postgresql://nowhere.test/x") as run:
            assert (await run.ended(), words in run.err) == (2, True), run.err


@pytest.fixture(scope="module")
def three() -> Iterator[list[EmbeddedServer]]:
    with ExitStack() as stack:
        version = versions_to_test()[0]
        yield [stack.enter_context(EmbeddedServer(version, {"fsync": "off"})) for _ in range(3)]


@pytest.mark.slow
async def test_three_servers_are_served_by_one_process_each_by_itself(
    either_shop: Shop, library: str, three: list[EmbeddedServer]
) -> None:
    """The second keeps its tables in a tenant's schema. The third is away at the start, the first goes in
    between; neither is felt by the others."""
    first, second, third = three
    shop = either_shop
    shop.write("tenants", TENANTS.replace("LIBRARY", repr(library)))
    connection = await asyncpg.connect(second.dsn)
    await connection.execute("CREATE SCHEMA IF NOT EXISTS tenant")
    await connection.close()
    dsns = [first.dsn, f"{second.dsn}?options=-csearch_path%3Dtenant", third.dsn]
    third.halt()
    options = [part for dsn in dsns for part in ("--dsn", dsn)]
    async with shop.worker("tenants.main", *options, "--health-port", "0") as run:
        await run.said("works on database", times=2)
        port, names = await port_of(run), list(places_of(dsns))
        await run.said(f"{names[2]} is away, and is tried again")
        async with client(dsns[0]) as one, client(dsns[1]) as two:
            # Each job's jobs are its own database's, though three schedulers run in that process.
            await one.enqueue("first", "a")
            await two.enqueue("first", "b")
            await eventually(lambda: {"second:a", "second:b"} <= set(shop.notes))
            status, text = await got(port, "/readyz")
            told = json.loads(text)["databases"]
            assert (status, [told[name].startswith("ok") for name in names]) == (503, [True, True, False])
            assert (await got(port, "/livez"))[0] == 200
            third.start_again()
            async with client(dsns[2]) as late:
                await late.enqueue("first", "c")
                await eventually(lambda: "second:c" in shop.notes)
            first.halt("immediate")
            await two.enqueue("first", "d")
            await eventually(lambda: "second:d" in shop.notes)
            first.start_again()
            await one.enqueue("first", "e")
            await eventually(lambda: "second:e" in shop.notes)
            page = (await got(port, "/metrics"))[1]
            for name in names:
                assert f'pg_scheduler_worker_up{{database="{name}"}} 1.0' in page
            # One that is stopped from elsewhere stops alone.
            (worker,) = await two.workers()
            await two.stop_worker(worker.worker_id)
            await eventually(lambda: _none(two))
            await one.enqueue("first", "f")
            await eventually(lambda: "second:f" in shop.notes)
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err
    for dsn in dsns:
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval(WORKERS) == 0
        for name in ("public", "tenant"):
            await connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        await connection.execute("CREATE SCHEMA public")
        await connection.close()


async def _none(client: Scheduler) -> bool:
    return await client.workers() == []


@asynccontextmanager
async def client(dsn: str) -> AsyncIterator[Scheduler]:
    """Another program."""
    made = Scheduler(dsn)
    await made.initialize_db()
    yield made
    await made.shutdown()
