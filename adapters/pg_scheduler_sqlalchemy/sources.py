"""Drivers over engines. An engine says how to connect, by its URL, its arguments, its `creator` and its
events; the driver makes connections of its own in that way, and takes none from the engine's pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Engine

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.ports.driver import Driver
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_postgres.home_session import HomeSession

_LIBRARIES = {"asyncpg": "asyncpg", "psycopg": "psycopg", "psycopg_async": "psycopg"}


def driver_over(source: Any, *, schema: str | None) -> Driver:
    """A driver over connections as an AsyncEngine makes them.

    Raises:
        InvalidInput: it is something else, or of another library.
    """
    if isinstance(source, Engine):
        raise _refused(
            "a blocking Engine serves no worker",
            "Pass the engine of create_async_engine(...), or the URL: Scheduler.connect(engine.url)",
        )
    if type(source).__name__ != "AsyncEngine":
        raise _refused(
            f"cannot work on {type(source).__module__}.{type(source).__qualname__}",
            "Pass an AsyncEngine; sessions and connections go as connection= with each call",
        )
    library = _LIBRARIES.get(source.driver)
    if library == "asyncpg":
        return _over_asyncpg(source, schema)
    if library == "psycopg":
        return _over_psycopg(source, schema)
    raise _refused(f"an engine over {source.driver}", "Use postgresql+asyncpg:// or postgresql+psycopg://")


def sync_driver_over(source: Any, *, schema: str | None) -> Any:
    """A driver on connections that a blocking Engine lends; each call commits by itself.

    Raises:
        InvalidInput: it is something else, or of another library.
    """
    from pg_scheduler_psycopg import SyncPsycopgDriver

    if not isinstance(source, Engine) or source.driver != "psycopg":
        raise _refused(
            f"cannot work on {type(source).__module__}.{type(source).__qualname__} without an event loop",
            "Pass the engine of create_engine('postgresql+psycopg://...'); sessions go as connection=",
        )
    return SyncPsycopgDriver(EnginesConnections(source), schema=schema)


class EnginesConnections:
    """Connections of an engine's pool, each for a statement or a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def lend(self) -> Iterator[Any]:
        """One that no other thread gets meanwhile; what is done on it is committed."""
        lent = self._engine.raw_connection()
        try:
            yield lent.driver_connection
            lent.commit()
        finally:
            lent.close()

    def close(self) -> None:
        """They are their owner's."""

    def call(self, who: str) -> None:
        """Their owner has named them."""


def _over_asyncpg(engine: Any, schema: str | None) -> Driver:
    from pg_scheduler_asyncpg.connecting import Connector
    from pg_scheduler_asyncpg.sessions import PoolSession

    connector = Connector(_connecting_as(engine))
    return PostgresDriver(HomeSession(lambda: PoolSession(None, connector)), schema=schema)


def _over_psycopg(engine: Any, schema: str | None) -> Driver:
    from pg_scheduler_psycopg.connecting import Connector
    from pg_scheduler_psycopg.sessions import PoolSession

    connect = _connecting_as(engine)

    async def in_autocommit() -> Any:
        connection = await connect()
        await connection.set_autocommit(True)
        return connection

    connector = Connector(in_autocommit)
    return PostgresDriver(HomeSession(lambda: PoolSession(None, connector)), schema=schema)


def _connecting_as(engine: Any) -> Callable[[], Awaitable[Any]]:
    """Makes the connections that the engine would make. They come from a pool like its own, which nobody else
    knows, and leave it at once: so any event loop may have one."""
    from sqlalchemy.ext.asyncio import create_async_engine

    twin = create_async_engine(engine.url, pool=engine.pool.recreate())

    async def connect() -> Any:
        lent = await twin.raw_connection()
        connection = lent.driver_connection
        lent.detach()
        return connection

    return connect


def _refused(problem: str, fix: str) -> InvalidInput:
    return InvalidInput("db_pool", problem, fix)
