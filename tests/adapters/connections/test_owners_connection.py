"""A single connection as the source: what its owner does on it and what the driver does stay apart."""

from __future__ import annotations

import asyncio
import importlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import psycopg
import pytest

from pg_scheduler import ConnectionLost, InvalidInput, JobSpec, PgQueuer, Queries, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler_postgres.driver import PostgresDriver
from tests.support.running import HastyScheduler, eventually, later, past, within


@asynccontextmanager
async def connected(dsn: str, library: Library, **options: Any) -> AsyncIterator[Any]:
    """A connection as its library makes it by default."""
    connection: Any
    if library == "asyncpg":
        connection = await asyncpg.connect(dsn, **options)
    else:
        connection = await psycopg.AsyncConnection.connect(dsn, **options)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def owners(dsn: str, library: Library) -> AsyncIterator[Any]:
    async with connected(dsn, library) as connection:
        yield connection


@pytest.fixture
async def tables(dsn: str) -> None:
    async with Queries(dsn):
        pass


async def work(number: int = 0) -> None: ...


async def begin(connection: Any) -> None:
    await connection.execute("BEGIN" if isinstance(connection, asyncpg.Connection) else "SELECT 1")


async def count(sql: asyncpg.Connection, table: str = "scheduled_jobs") -> int:
    found: int = await sql.fetchval(f"SELECT count(*) FROM {table}")
    return found


class TestAnOpenTransaction:
    async def test_the_workers_statements_are_not_part_of_it(
        self, dsn: str, owners: Any, sql: asyncpg.Connection
    ) -> None:
        """A rollback used to undo a completion, and the card was charged twice."""
        runs, go_on = [], asyncio.Event()

        async def charge_card(job: Any) -> None:
            runs.append(job.id)
            await go_on.wait()

        app = PgQueuer(HastyScheduler(owners))
        app.entrypoint("charge_card")(charge_card)
        async with app:
            (job,) = await app.queries.enqueue("charge_card")
            await eventually(lambda: runs)
            await begin(owners)
            go_on.set()
            await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))
            await owners.execute("ROLLBACK")
            assert await job.status() == "completed"
        assert len(runs) == 1

    async def test_jobs_become_due_while_it_is_open(
        self, dsn: str, owners: Any, sql: asyncpg.Connection
    ) -> None:
        """In a transaction, the time stands still."""
        async with Scheduler(owners) as scheduler:
            await begin(owners)
            await sql.execute(
                "INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ($1, now())",
                scheduler.task_for(work).name,
            )
            await eventually(lambda: sql.fetchval("SELECT status = 'completed' FROM scheduled_jobs"))

    async def test_a_job_that_was_not_given_to_it_is_refused(
        self, tables: None, owners: Any, sql: asyncpg.Connection
    ) -> None:
        """It would look as if it were part of the transaction, and outlive its rollback."""
        await owners.execute("CREATE TABLE orders (id int)")
        if not isinstance(owners, asyncpg.Connection):
            await owners.commit()
        async with Queries(owners) as queries:
            kept = await queries.enqueue("mail")
            await begin(owners)
            await owners.execute("INSERT INTO orders VALUES (1)")
            for refused in (
                queries.enqueue("mail"),
                queries.enqueue(["mail", "mail"], [b"x", b"y"]),
                queries.cancel([str(kept[0])]),
            ):
                with pytest.raises(InvalidInput, match=r"connection: not given, .* Pass it as connection="):
                    await refused
            (part,) = await queries.enqueue("mail", connection=owners)
            await owners.execute("ROLLBACK")
            assert await queries.job(str(part)) is None
            assert (await count(sql, "orders"), await count(sql)) == (0, 1)
            assert await queries.enqueue("mail")


class TestItsSettings:
    async def test_autocommit_stays_as_it_is(self, dsn: str, tables: None, sql: asyncpg.Connection) -> None:
        await sql.execute("CREATE TABLE orders (id int)")
        async with connected(dsn, "psycopg") as owners:
            async with Scheduler(owners) as scheduler:
                await scheduler.schedule(work, execution_time=past())
            assert owners.autocommit is False
            await owners.execute("INSERT INTO orders VALUES (1)")
            await owners.rollback()
        assert await count(sql, "orders") == 0

    async def test_what_was_set_holds_for_the_connections_beside_it(
        self, dsn: str, library: Library, sql: asyncpg.Connection
    ) -> None:
        await sql.execute("CREATE SCHEMA app")
        await sql.execute("CREATE ROLE app_worker; GRANT ALL ON SCHEMA app TO app_worker")
        try:
            options = {} if library == "asyncpg" else {"autocommit": True}
            async with connected(dsn, library, **options) as owners:
                await owners.execute("SET search_path = app")
                await owners.execute("SET ROLE app_worker")
                async with Scheduler(owners) as scheduler:
                    job = await scheduler.schedule(work, execution_time=past())
                    assert await job.wait(timeout=45) == "completed"
                    await eventually(lambda: scheduler.worker.listening)
                    await eventually(scheduler.driver.insight.workers)
                    dedicated = cast(PostgresDriver, scheduler.driver.dedicated())
                    await dedicated.open()
                    (row,) = await dedicated.link.session.fetch("SELECT current_user::text AS name")
                    await dedicated.close()
            owner = "SELECT tableowner::text FROM pg_tables WHERE schemaname = 'app' LIMIT 1"
            assert (await sql.fetchval(owner), row["name"]) == ("app_worker", "app_worker")
        finally:
            await sql.execute("DROP SCHEMA app CASCADE; DROP OWNED BY app_worker; DROP ROLE app_worker")


async def test_a_cancelled_bulk_call_leaves_no_transaction_open(
    dsn: str, library: Library, tables: None, owners: Any, sql: asyncpg.Connection
) -> None:
    """What was stored after it went into a transaction that nobody committed."""
    chance = random.Random(7)
    scheduler = Scheduler(owners)
    stored = 0
    try:
        await scheduler.open()
        for _ in range(40):
            specs = [JobSpec(work, later(), args=(number,)) for number in range(120)]
            try:
                async with asyncio.timeout(chance.uniform(0.0005, 0.006)):
                    await scheduler.schedule_bulk(specs)
            except TimeoutError:
                pass
            after = await scheduler.schedule(work, execution_time=later())
            assert (
                await sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE job_id = $1", str(after)) == 1
            )
            stored += 1
    finally:
        await scheduler.shutdown()
    assert stored == 40


async def test_a_transaction_whose_begin_was_cancelled_is_ended(dsn: str, library: Library) -> None:
    """At every step of its beginning."""
    driver = cast(PostgresDriver, driver_over(dsn, library=library).dedicated())
    await driver.open()
    session = driver.link.session
    for steps in range(6):

        async def block() -> None:
            async with session.transaction():
                await asyncio.Event().wait()

        blocked = asyncio.create_task(block())
        for _ in range(steps):
            await asyncio.sleep(0)
        blocked.cancel()
        blocked.cancel()
        await asyncio.wait({blocked})
        (row,) = await session.fetch(
            "SELECT pg_current_xact_id_if_assigned() IS NULL AS free, now() AS began"
        )
        (again,) = await session.fetch("SELECT now() AS began")
        assert again["began"] > row["began"], f"cancelled after {steps} steps, a transaction is still open"
    await driver.close()


async def test_a_connection_that_its_owner_closed_is_not_needed(owners: Any) -> None:
    async with Scheduler(owners) as scheduler:
        await owners.close()
        job = await scheduler.schedule(work, execution_time=past())
        assert await job.wait(timeout=45) == "completed"


async def test_a_closed_session_says_so(owners: Any) -> None:
    driver = driver_over(owners)
    await driver.open()
    await driver.close()
    with pytest.raises(ConnectionLost, match="closed"):
        await cast(PostgresDriver, driver).link.session.fetch("SELECT 1")


async def test_settings_that_the_server_does_not_answer_are_waited_for_as_long_as_a_connection(
    dsn: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = importlib.import_module(f"pg_scheduler_{library}.connecting")
    monkeypatch.setattr(connecting, "CONNECT_TIMEOUT", 1)
    monkeypatch.setattr(
        connecting, "APPLY_SETTINGS", "SELECT pg_sleep(60) WHERE cardinality($1::text[] || $2::text[]) > 0"
    )
    connector = connecting.Connector.of_dsn(dsn).with_settings({"work_mem": "1MB"})
    with pytest.raises(TimeoutError) as gave_up:
        await within(connector(), 20)
    assert "nothing came in" not in str(gave_up.value), "the test gave up, not the connector"
