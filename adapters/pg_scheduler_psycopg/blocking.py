"""A session over psycopg's blocking connections, for programs without an event loop.

Its methods are coroutines, as the port wants them, that never wait for anything but the database: whoever
drives one to its end (`run_now`) has blocked for as long as a plain call would have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from pg_scheduler_postgres.session import Row, Session
from pg_scheduler_postgres.statements import copy_statement
from pg_scheduler_psycopg.encodings import refuse_bytes
from pg_scheduler_psycopg.failures import translated
from pg_scheduler_psycopg.lending import OwnersConnection, Source, lending_of
from pg_scheduler_psycopg.rows import named_row
from pg_scheduler_psycopg.times import InstantLoader


class BlockingSession:
    """On a connection, a pool or a connection of its own made from a DSN, for any number of threads.

    On your connection nothing is committed that you do not commit: outside autocommit a statement begins
    your transaction, or takes part in it. On a pool each call commits by itself.
    """

    def __init__(self, source: Source) -> None:
        self._lending = lending_of(source)
        self._found = False

    @property
    def _owners(self) -> psycopg.Connection[Any] | None:
        """The connection of the caller's own, if that is what it works on."""
        return self._lending.connection if isinstance(self._lending, OwnersConnection) else None

    async def open(self) -> None:
        if not self._found:
            with translated(), self._lending.lend():
                """It can be had."""
            self._found = True

    async def close(self) -> None:
        self._found = False
        self._lending.close()

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        with translated(), self._lending.lend() as connection:
            refuse_bytes(connection)
            cursor = psycopg.RawCursor(connection, row_factory=named_row)
            cursor.adapters.register_loader("timestamptz", InstantLoader)
            with cursor:
                cursor.execute(sql, args, binary=True)  # pyright: ignore[reportArgumentType]
                return cursor.fetchall() if cursor.description else []

    async def script(self, sql: str) -> None:
        with translated(), self._lending.lend() as connection:
            connection.execute(sql.encode(), prepare=False)

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        statement = copy_statement(schema, table, columns).encode()
        with translated(), self._lending.lend() as connection, connection.cursor().copy(statement) as copying:
            for chunk in chunks:
                copying.write(chunk)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        with translated(), self._lending.lend() as connection:
            idle = connection.info.transaction_status == TransactionStatus.IDLE
            if idle and not connection.autocommit and connection is self._owners:
                # Else transaction() would begin and commit one of its own, before its owner does.
                connection.execute("SELECT 1")
            with connection.transaction():
                yield BlockingSession(connection)

    @property
    def blocking(self) -> bool:
        return True

    def in_transaction(self) -> bool:
        owners = self._owners
        if owners is None:
            return False
        return not (owners.autocommit and owners.info.transaction_status == TransactionStatus.IDLE)

    def owner_in_transaction(self) -> bool:
        return False  # it works in his transaction

    async def listen(
        self, channel: str, on_payload: Callable[[str], None], on_ready: Callable[[], None]
    ) -> None:
        raise NotImplementedError("nobody listens without an event loop")

    def call(self, who: str) -> None:
        self._lending.call(who)

    def dedicated(self, purpose: str) -> Session:
        raise NotImplementedError("there is no event loop to use it in")
