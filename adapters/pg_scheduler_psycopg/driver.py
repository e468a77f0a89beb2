"""The psycopg 3 driver."""

from __future__ import annotations

import psycopg
import psycopg_pool

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_postgres.connection_names import ConnectionNames
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_postgres.home_session import HomeSession
from pg_scheduler_postgres.session import Session
from pg_scheduler_psycopg.connecting import Connector
from pg_scheduler_psycopg.sessions import ConnectionSession, PoolSession


class PsycopgDriver(PostgresDriver):
    """A Driver over psycopg 3.

    Args:
        source: a `psycopg_pool.AsyncConnectionPool`, a `psycopg.AsyncConnection` or a DSN. A pool is the
            best choice for a worker. A connection only says how to connect: the driver makes one like it,
            which serves one statement at a time, and never uses yours. From a DSN the driver makes, and
            closes, a pool itself.
        schema: where the tables live; None means the first schema of the connection's search path.

    Raises:
        InvalidInput: `source` is something else.
    """

    def __init__(self, source: object, *, schema: str | None = None) -> None:
        super().__init__(_session_over(source), schema=schema)


def _session_over(source: object) -> Session:
    names = ConnectionNames()
    if isinstance(source, str):
        return HomeSession(lambda: PoolSession(None, Connector.of_dsn(source).named_by(names)))
    if isinstance(source, psycopg_pool.AsyncConnectionPool):
        return HomeSession(lambda: PoolSession(source, Connector.of_pool(source).named_by(names)), "pool")
    if isinstance(source, psycopg.AsyncConnection):
        connector = Connector.of_connection(source).named_by(names)
        return HomeSession(lambda: ConnectionSession(connector, owner=source), "connection")
    raise InvalidInput(
        "source",
        "expected a psycopg AsyncConnectionPool, a psycopg AsyncConnection or a DSN, "
        f"got {type(source).__name__}",
    )
