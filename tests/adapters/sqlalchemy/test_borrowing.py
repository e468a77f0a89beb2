"""Jobs in the transaction of SQLAlchemy's sessions and connections; with workers of either library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import databases
import psycopg2
import pytest
import sqlmodel
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from pg_scheduler import (
    Borrowed,
    DatabaseUnavailable,
    InvalidInput,
    JobSpec,
    Queries,
    Scheduler,
    SyncQueries,
    SyncScheduler,
    current_job,
)
from tests.contract.callers import url_of
from tests.support.running import past


async def mail(number: int = 0) -> None: ...


@pytest.fixture
async def scheduler(dsn: str) -> AsyncIterator[Scheduler]:
    """Not started: it stores and claims nothing."""
    async with Queries(dsn) as queries:
        await queries.install()
    scheduler = Scheduler(dsn)
    await scheduler.open()
    yield scheduler
    await scheduler.shutdown()


@pytest.fixture(params=["asyncpg", "psycopg"])
async def engine(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url_of(dsn, request.param), poolclass=NullPool)
    yield engine
    await engine.dispose()


async def jobs(sql: asyncpg.Connection) -> list[str]:
    rows = await sql.fetch("SELECT job_id FROM scheduled_jobs WHERE status <> 'cancelled' ORDER BY job_id")
    return [row["job_id"] for row in rows]


async def store(scheduler: Scheduler, job_id: str, connection: Any) -> None:
    await scheduler.schedule(mail, execution_time=past(), job_id=job_id, connection=connection)


async def test_every_verb_is_part_of_the_sessions_transaction(
    scheduler: Scheduler, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await store(scheduler, "before", None)
    queries = Queries(scheduler)
    async with AsyncSession(engine) as session:
        for end in (session.rollback, session.commit):
            assert await scheduler.cancel_job("before", connection=session)
            await end()
            await session.execute(text("SELECT 1"))
            await session.rollback()
            assert await jobs(sql) == (["before"] if end == session.rollback else [])
        for end, expected in ((session.rollback, 0), (session.commit, 4)):
            await queries.enqueue("mail", b"x", connection=session)
            await scheduler.using(connection=session).enqueue(mail, 1)
            await scheduler.schedule_bulk([JobSpec(mail, past())] * 2, connection=session)
            for _ in "ab":  # the second time it is there already
                await scheduler.add_schedule(mail, every=timedelta(hours=1), key="hourly", connection=session)
            assert await jobs(sql) == []
            assert await scheduler.list_schedules() == []
            await end()
            assert len(await jobs(sql)) == expected
            assert len(await scheduler.list_schedules()) == expected // 4


async def test_a_savepoint_takes_its_jobs_with_it(
    scheduler: Scheduler, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    async with AsyncSession(engine) as session, session.begin():
        async with session.begin_nested() as part:
            await store(scheduler, "undone", session)
            await part.rollback()
        async with session.begin_nested():
            await store(scheduler, "kept", session)
        await store(scheduler, "outside", session)
    assert await jobs(sql) == ["kept", "outside"]


@pytest.mark.slow_with("psycopg")
async def test_nothing_is_committed_by_itself_unless_that_is_said(
    scheduler: Scheduler, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with AsyncSession(at_once) as session, at_once.connect() as connection:
        for handle in (session, connection):
            with pytest.raises(InvalidInput, match=r"connection: has no transaction open.*AUTOCOMMIT"):
                await store(scheduler, "refused", handle)
            with pytest.raises(InvalidInput, match="the schedule could not be part of one"):
                await scheduler.add_schedule(mail, cron="@daily", connection=handle)
        await store(scheduler, "one", Borrowed(session, autocommit=True))
        specs = [JobSpec(mail, past(), job_id=name) for name in ("three", "two")]
        await scheduler.schedule_bulk(specs, connection=Borrowed(connection, autocommit=True), batch_size=1)
        assert await jobs(sql) == ["one", "three", "two"]


@pytest.mark.slow_with("psycopg")
async def test_saying_so_does_not_commit_a_transaction_that_is_open(
    scheduler: Scheduler, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    async with AsyncSession(engine) as session:
        await store(scheduler, "a", Borrowed(session, autocommit=True))
        await session.rollback()
    assert await jobs(sql) == []


@pytest.mark.slow_with("psycopg")
async def test_a_job_completes_in_the_transaction_of_a_session(
    dsn: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await sql.execute("CREATE TABLE paid (number int)")

    async def pay() -> None:
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(text("INSERT INTO paid VALUES (1)"))
            await current_job().complete_in(session)

    async with Scheduler(dsn) as scheduler:
        handle = await scheduler.schedule(pay, execution_time=past())
        assert await handle.wait(timeout=30) == "completed"
    assert await sql.fetchval("SELECT count(*) FROM paid") == 1


async def test_what_cannot_be_used_is_refused_and_stores_nothing(
    scheduler: Scheduler, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    async with engine.connect() as connection:
        pass
    with pytest.raises(InvalidInput, match="connection: is closed"):
        await store(scheduler, "a", connection)
    async with AsyncSession(engine) as session, session.begin():
        await session.commit()
        with pytest.raises(InvalidInput, match="SQLAlchemy cannot use it: Can't operate on closed"):
            await store(scheduler, "a", session)
    for nothing in (engine, engine.sync_engine, async_sessionmaker(engine), AsyncSession()):
        with pytest.raises(InvalidInput, match="connection: "):
            await store(scheduler, "a", nothing)
    async with engine.connect() as connection:
        await connection.execute(text("SET TRANSACTION READ ONLY"))
        with pytest.raises(DatabaseUnavailable, match="READ ONLY: jobs are stored on the primary"):
            await store(scheduler, "a", connection)
    assert await jobs(sql) == []


async def test_a_session_that_another_task_uses_stores_nothing_by_itself(
    scheduler: Scheduler, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    """asyncpg cannot do two things at once, and says so; psycopg lets the second wait."""
    async with AsyncSession(engine) as session:
        await session.execute(text("SELECT 1"))
        busy = asyncio.create_task(session.execute(text("SELECT pg_sleep(0.2)")))
        await asyncio.sleep(0)
        if engine.driver == "asyncpg":
            with pytest.raises(InvalidInput, match="connection: is in use by another task"):
                await store(scheduler, "a", session)
        else:
            await store(scheduler, "a", session)
        await busy
        await session.rollback()
    assert await jobs(sql) == []


@pytest.mark.slow_with("psycopg")
async def test_two_phases_are_refused(scheduler: Scheduler, engine: AsyncEngine) -> None:
    async with AsyncSession(engine, twophase=True) as session:
        with pytest.raises(InvalidInput, match="two phases"):
            await store(scheduler, "a", session)


async def test_encodes_databases_are_asyncpgs(
    scheduler: Scheduler, dsn: str, sql: asyncpg.Connection
) -> None:
    async with databases.Database(dsn) as database:
        with pytest.raises(InvalidInput, match="no transaction open in this task"):
            await store(scheduler, "a", database)
        async with database.transaction():
            await store(scheduler, "a", database)
            await store(scheduler, "b", database.connection())
        async with database.transaction(force_rollback=True):
            await store(scheduler, "undone", database)
    assert await jobs(sql) == ["a", "b"]


@contextmanager
def of_session(url: str) -> Iterator[Any]:
    with Session(create_engine(url, poolclass=NullPool)) as session:
        yield session


@contextmanager
def of_scoped_session(url: str) -> Iterator[Any]:
    maker = scoped_session(sessionmaker(create_engine(url, poolclass=NullPool)))
    yield maker
    maker.remove()


@contextmanager
def of_sqlmodel(url: str) -> Iterator[Any]:
    with sqlmodel.Session(create_engine(url, poolclass=NullPool)) as session:
        yield session


@contextmanager
def of_connection(url: str) -> Iterator[Any]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        yield connection


@contextmanager
def of_raw_connection(url: str) -> Iterator[Any]:
    connection = create_engine(url, poolclass=NullPool).raw_connection()
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "handle", [of_session, of_scoped_session, of_sqlmodel, of_connection, of_raw_connection]
)
async def test_blocking_clients_take_what_blocks(
    scheduler: Scheduler,
    dsn: str,
    sql: asyncpg.Connection,
    handle: Callable[[str], AbstractContextManager[Any]],
) -> None:
    def request() -> None:
        with (
            handle(url_of(dsn, "psycopg")) as held,
            SyncScheduler(dsn) as client,
            SyncQueries(dsn) as queries,
        ):
            for end in (held.rollback, held.commit):
                client.schedule(mail, job_id="a", connection=held)
                queries.enqueue("mail", b"x", connection=held)
                client.add_schedule(mail, cron="@daily", connection=held)
                end()

    await asyncio.to_thread(request)
    assert len(await jobs(sql)) == 2
    (daily,) = await scheduler.list_schedules()
    assert daily.cron == "@daily"


@pytest.mark.slow_with("psycopg")
async def test_blocking_clients_refuse_what_needs_an_event_loop(
    scheduler: Scheduler, dsn: str, engine: AsyncEngine
) -> None:
    maker = async_scoped_session(async_sessionmaker(engine), scopefunc=lambda: 1)
    async with AsyncSession(engine) as session, engine.connect() as connection:
        await session.execute(text("SELECT 1"))
        below = (await session.connection()).sync_connection

        def refused() -> None:
            with SyncQueries(dsn) as queries:
                for handle in (session, connection, maker, below):
                    with pytest.raises(InvalidInput, match="needs an event loop"):
                        queries.enqueue("mail", b"x", connection=handle)

        await asyncio.to_thread(refused)


async def test_psycopg2_is_refused_with_the_remedy(scheduler: Scheduler, dsn: str) -> None:
    raw = psycopg2.connect(dsn)
    with of_session(url_of(dsn, "psycopg2")) as session:
        for handle in (raw, session):
            with pytest.raises(InvalidInput, match=r"psycopg2 cannot carry it\. Install psycopg 3"):
                await store(scheduler, "a", handle)
    raw.close()
