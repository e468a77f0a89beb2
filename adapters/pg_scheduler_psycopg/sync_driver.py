"""The driver of programs without an event loop."""

from __future__ import annotations

import psycopg
import psycopg_pool

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.ports.run_now import run_now
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_psycopg.blocking import BlockingSession
from pg_scheduler_psycopg.lending import Lending


class SyncPsycopgDriver(PostgresDriver):
    """A Driver whose coroutines never wait for an event loop: run them with `run_now`. It enqueues and asks;
    a worker cannot run on it.

    Args:
        source: a `psycopg.Connection`, a `psycopg_pool.ConnectionPool` or a DSN.
        schema: as in `PsycopgDriver`.

    Raises:
        InvalidInput: `source` is something else.
    """

    run_now = staticmethod(run_now)

    def __init__(self, source: object, *, schema: str | None = None) -> None:
        if not isinstance(source, str | psycopg.Connection | psycopg_pool.ConnectionPool | Lending):
            raise InvalidInput(
                "source",
                f"expected a psycopg Connection, ConnectionPool or a DSN, got {type(source).__name__}",
                "Async connections belong to Queries",
            )
        super().__init__(BlockingSession(source), schema=schema)
