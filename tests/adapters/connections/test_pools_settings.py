"""Connections that are made beside a pool's are made, and set up, as the pool makes and sets up its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import psycopg
import psycopg_pool
import pytest

from pg_scheduler import InvalidInput, Queries, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler_postgres.driver import PostgresDriver
from tests.chaos.network.proxy import TcpProxy
from tests.support.running import eventually, past, within

NOWHERE = "postgresql://postgres@127.0.0.1:1/nowhere"


class MarkedAsyncpg(asyncpg.Connection):  # type: ignore[misc]
    """A class of the user's own."""


class MarkedPsycopg(psycopg.AsyncConnection[Any]):
    """A class of the user's own, which knows what its pool does not."""

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> MarkedPsycopg:
        return await super().connect(conninfo, **{**kwargs, "application_name": "as asked"})


async def mark(connection: Any) -> None:
    await connection.execute("SET application_name = 'as asked'")


async def mark_in_psycopg(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.execute("SET application_name = 'as asked'")
    await connection.commit()


@asynccontextmanager
async def asyncpg_setup(dsn: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2, setup=mark) as pool:
        yield pool


@asynccontextmanager
async def asyncpg_init(dsn: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2, init=mark) as pool:
        yield pool


@asynccontextmanager
async def asyncpg_connect(dsn: str) -> AsyncIterator[Any]:
    async def connect(*args: Any, **kwargs: Any) -> Any:
        assert kwargs["connection_class"] is MarkedAsyncpg
        assert kwargs["loop"] is asyncio.get_running_loop()
        return await asyncpg.connect(dsn, server_settings={"application_name": "as asked"}, **kwargs)

    async with asyncpg.create_pool(
        min_size=1, max_size=2, connect=connect, connection_class=MarkedAsyncpg
    ) as pool:
        yield pool


@asynccontextmanager
async def asyncpg_moved(dsn: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        yield pool


@asynccontextmanager
async def psycopg_configure(dsn: str) -> AsyncIterator[Any]:
    async with psycopg_pool.AsyncConnectionPool(
        dsn, min_size=1, max_size=2, open=False, configure=mark_in_psycopg
    ) as pool:
        yield pool


@asynccontextmanager
async def psycopg_functions(dsn: str) -> AsyncIterator[Any]:
    async def conninfo() -> str:
        return dsn

    def kwargs() -> dict[str, Any]:
        return {"application_name": "as asked"}

    async with psycopg_pool.AsyncConnectionPool(
        conninfo, min_size=1, max_size=2, open=False, kwargs=kwargs
    ) as pool:
        yield pool


@asynccontextmanager
async def psycopg_class(dsn: str) -> AsyncIterator[Any]:
    async with psycopg_pool.AsyncConnectionPool(
        dsn, min_size=1, max_size=2, open=False, connection_class=MarkedPsycopg
    ) as pool:
        yield pool


MakePool = Callable[[str], Any]


async def name_of(driver: PostgresDriver) -> str:
    await driver.open()
    try:
        (row,) = await driver.link.session.fetch("SELECT current_setting('application_name') AS name")
        return str(row["name"])
    finally:
        await driver.close()


@pytest.mark.parametrize(
    "make",
    [asyncpg_setup, asyncpg_init, asyncpg_connect, psycopg_configure, psycopg_functions, psycopg_class],
    ids=lambda make: make.__name__,
)
async def test_a_connection_beside_a_pool_is_like_its_own(dsn: str, make: MakePool) -> None:
    async with make(dsn) as pool:
        driver = cast(PostgresDriver, driver_over(pool))
        await driver.open()
        assert await name_of(driver.dedicated()) == "as asked"
        assert await asyncio.to_thread(lambda: asyncio.run(name_of(driver.dedicated()))) == "as asked"


async def test_a_pool_that_was_sent_elsewhere_takes_the_others_along(dsn: str) -> None:
    async with asyncpg_moved(dsn) as pool:
        driver = cast(PostgresDriver, driver_over(pool))
        await driver.open()
        pool.set_connect_args(dsn, server_settings={"application_name": "as asked"})
        assert await name_of(driver.dedicated()) == "as asked"


async def test_a_setup_that_fails_leaves_no_connection_behind(dsn: str, sql: asyncpg.Connection) -> None:
    async def setup(connection: Any) -> None:
        raise ZeroDivisionError

    async with asyncpg.create_pool(dsn, min_size=1, max_size=1, init=None) as pool:
        pool._setup = setup
        others = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        before = await sql.fetchval(others)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await cast(PostgresDriver, driver_over(pool)).dedicated().open()

        async def none_is_left() -> bool:
            return bool(await sql.fetchval(others) == before)

        await eventually(none_is_left)


@pytest.mark.parametrize("threshold", [0, None])
@pytest.mark.parametrize("kind", ["pool", "connection"])
async def test_tables_are_made_whenever_psycopg_prepares(dsn: str, threshold: int | None, kind: str) -> None:
    source: Any
    if kind == "pool":
        source = psycopg_pool.AsyncConnectionPool(
            dsn, min_size=1, max_size=2, open=False, kwargs={"prepare_threshold": threshold}
        )
        await source.open()
    else:
        source = await psycopg.AsyncConnection.connect(dsn, prepare_threshold=threshold)
    async with source, Scheduler(source) as scheduler:
        driver = cast(PostgresDriver, scheduler.driver)
        session: Any = driver.dedicated().link.session
        made = await session._connect()
        assert made.prepare_threshold == threshold
        await made.close()


class TestOneConnectionIsEnough:
    """The caller holds the only connection of the pool, in a transaction."""

    async def schedule_in(self, pool: Any, **options: Any) -> str:
        scheduler = Scheduler(pool, **options)
        try:
            if isinstance(pool, asyncpg.Pool):
                async with pool.acquire() as mine, mine.transaction():
                    return str(await within(self.stored(scheduler, mine), 10))
            async with pool.connection() as mine, mine.transaction():
                return str(await within(self.stored(scheduler, mine), 10))
        finally:
            await scheduler.shutdown()

    async def stored(self, scheduler: Scheduler, mine: Any) -> str:
        job = await scheduler.schedule(work, execution_time=past(), connection=mine)
        assert await scheduler.cancel_job(job, connection=mine) is True
        return str(job)

    @pytest.fixture(params=["public", "chosen"])
    def schema(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    async def test_for_the_first_job_in_a_transaction(
        self, dsn: str, library: Library, sql: asyncpg.Connection, schema: str
    ) -> None:
        options: dict[str, Any] = {} if schema == "public" else {"schema": schema}
        installing = Scheduler(dsn, **options)
        await installing.initialize_db()
        await installing.shutdown()
        async with one_connection(dsn, library) as pool:
            job = await self.schedule_in(pool, **options)
        assert await sql.fetchval(f"SELECT status FROM {schema}.scheduled_jobs WHERE job_id = $1", job)

    async def test_and_what_the_caller_has_set_leads_nowhere_else(
        self, dsn: str, library: Library, sql: asyncpg.Connection
    ) -> None:
        async with Queries(dsn):
            pass
        await sql.execute("CREATE SCHEMA tenant")

        async def tenants(connection: Any) -> None:
            await connection.execute("SET search_path = tenant, public")

        async with one_connection(dsn, library, tenants) as pool:
            job = await self.schedule_in(pool)
        assert await sql.fetchval("SELECT status FROM public.scheduled_jobs WHERE job_id = $1", job)


async def work() -> None: ...


@asynccontextmanager
async def one_connection(
    dsn: str, library: Library, init: Callable[[Any], Awaitable[None]] | None = None
) -> AsyncIterator[Any]:
    """A pool of one."""
    if library == "asyncpg":
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1, setup=init) as pool:
            yield pool
    else:
        kwargs = {"autocommit": True}
        async with psycopg_pool.AsyncConnectionPool(
            dsn, min_size=1, max_size=1, open=False, configure=init, kwargs=kwargs
        ) as own:
            yield own


@pytest.mark.parametrize("many", [False, True])
async def test_a_connection_in_no_transaction_is_refused(
    dsn: str, library: Library, sql: asyncpg.Connection, many: bool
) -> None:
    """As the one below a session of SQLAlchemy's that has not flushed: the job would be stored alone."""
    connection: Any
    if library == "asyncpg":
        connection = await asyncpg.connect(dsn)
    else:
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    async with Queries(driver_over(dsn, library=library)) as queries:
        names = ["mail", "mail"] if many else "mail"
        for refused in (
            queries.enqueue(names, connection=connection),
            queries.cancel(["any"], connection=connection),
        ):
            with pytest.raises(InvalidInput, match="connection: has no transaction open"):
                await refused
        async with connection.transaction():
            await queries.enqueue(names, connection=connection)
        assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == (2 if many else 1)
    await connection.close()


async def test_several_hosts_of_the_environment_are_known_to_a_connection(
    dsn: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`asyncpg.connect()`: the environment says where, and the host that answered first is gone."""
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    host, port = str(parts["host"]), int(str(parts["port"]))
    async with TcpProxy(host, port) as first:
        monkeypatch.setenv("PGHOST", f"127.0.0.1,{host}")
        monkeypatch.setenv("PGPORT", f"{first.port},{port}")
        monkeypatch.setenv("PGUSER", str(parts["user"]))
        monkeypatch.setenv("PGDATABASE", str(parts["dbname"]))
        connection: Any = (
            await asyncpg.connect() if library == "asyncpg" else await psycopg.AsyncConnection.connect()
        )
        await first.refuse()
        async with Queries(connection) as queries:
            assert await queries.queue_size() == []
        await connection.close()
