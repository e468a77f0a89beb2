"""A session over psycopg's blocking connections, for programs without an event loop.

Its methods are coroutines, as the port wants them, that never wait for anything but the database: whoever
drives one to its end (`run_now`) has blocked for as long as a plain call would have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import psycopg
import psycopg_pool
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_postgres.session import Row, Session
from pg_scheduler_postgres.statements import copy_statement
from pg_scheduler_psycopg.failures import translated, translated_connecting
from pg_scheduler_psycopg.times import InstantLoader

_T = TypeVar("_T")

Source = psycopg.Connection[Any] | psycopg_pool.ConnectionPool[Any] | str


def run_now(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that has nothing to wait for but blocking calls.

    Raises:
        RuntimeError: it wants an event loop after all.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        result: _T = ended.value
        return result
    work.close()
    raise RuntimeError("this needs an event loop: use Queries in async code")


class BlockingSession:
    """On a connection, a pool or connections of its own made from a DSN.

    On your connection nothing is committed that you do not commit: outside autocommit a statement begins
    your transaction, or takes part in it. On a pool each call commits by itself.
    """

    def __init__(self, source: Source) -> None:
        self._source: psycopg.Connection[Any] | psycopg_pool.ConnectionPool[Any] | None = None
        self._dsn: str | None = None
        self._own: psycopg.Connection[Any] | None = None
        if isinstance(source, str):
            self._dsn = source
        else:
            self._source = source

    async def open(self) -> None:
        if self._source is None or (self._own is not None and self._own.closed):
            assert self._dsn is not None
            with translated_connecting(self._dsn):
                self._source = self._own = psycopg.connect(self._dsn, autocommit=True)

    async def close(self) -> None:
        if self._own is not None:
            own, self._own, self._source = self._own, None, None
            own.close()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        source = self._source
        assert source is not None, "opened"
        if isinstance(source, psycopg.Connection):
            yield source
        else:
            with source.connection() as connection:
                yield connection

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        with translated(), self._connection() as connection:
            cursor = psycopg.RawCursor(connection, row_factory=dict_row)
            cursor.adapters.register_loader("timestamptz", InstantLoader)
            with cursor:
                cursor.execute(sql, args, binary=True)  # pyright: ignore[reportArgumentType]
                return cursor.fetchall() if cursor.description else []

    async def script(self, sql: str) -> None:
        with translated(), self._connection() as connection:
            connection.execute(sql.encode())

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        statement = copy_statement(schema, table, columns).encode()
        with translated(), self._connection() as connection, connection.cursor().copy(statement) as copying:
            for chunk in chunks:
                copying.write(chunk)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        with translated(), self._connection() as connection:
            idle = connection.info.transaction_status == TransactionStatus.IDLE
            if idle and not connection.autocommit and connection is self._source:
                # Else transaction() would begin and commit one of its own, before its owner does.
                connection.execute("SELECT 1")
            with connection.transaction():
                yield BlockingSession(connection)

    def on(self, connection: Any) -> Session:
        if not isinstance(connection, psycopg.Connection):
            raise InvalidInput(
                "connection", f"expected a blocking psycopg Connection, got {type(connection).__name__}"
            )
        return BlockingSession(connection)

    def in_transaction(self) -> bool:
        source = self._source
        if not isinstance(source, psycopg.Connection):
            return False
        return not (source.autocommit and source.info.transaction_status == TransactionStatus.IDLE)

    async def listen(
        self, channel: str, on_payload: Callable[[str], None], on_ready: Callable[[], None]
    ) -> None:
        raise NotImplementedError("nobody listens without an event loop")

    def dedicated(self) -> Session:
        raise NotImplementedError("there is no event loop to use it in")
