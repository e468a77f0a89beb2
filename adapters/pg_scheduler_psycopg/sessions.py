"""Sessions over psycopg 3: a pool, one connection, a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Any

import psycopg
import psycopg_pool
from psycopg.pq import TransactionStatus

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, ReadOnlyServer
from pg_scheduler_postgres.session import Row, ScopedSession, Session
from pg_scheduler_postgres.session_settings import READ_SETTINGS, settings_of
from pg_scheduler_postgres.statements import copy_statement
from pg_scheduler_psycopg.connecting import ApartConnection, Connector, made_by, patience
from pg_scheduler_psycopg.encodings import refuse_bytes, text_as_utf8
from pg_scheduler_psycopg.failures import translated, translated_connecting
from pg_scheduler_psycopg.listening import listen
from pg_scheduler_psycopg.liveness import check
from pg_scheduler_psycopg.rows import named_row
from pg_scheduler_psycopg.times import InstantLoader

COMMAND_TIMEOUT = 30.0
"""Seconds after which a statement's connection is taken for dead (a cut without a goodbye)."""
COPY_TIMEOUT = 600.0
"""The same for a COPY, which moves any number of rows."""


ASK_AGAIN = 0.5
"""Seconds after which a pool that has given no connection is asked once more."""
RECONNECT_TIMEOUT = 0.5
"""Seconds after which a pool of ours stops trying by itself: its pauses double, and after an outage of a
minute the next attempt would be half a minute away."""


class _Shared:
    """What all sessions of one source have in common."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    @property
    def blocking(self) -> bool:
        return False

    async def listen(
        self, channel: str, on_payload: Callable[[str], None], on_ready: Callable[[], None]
    ) -> None:
        await listen(self._connector.meant_for("listen"), channel, on_payload, on_ready)

    def in_transaction(self) -> bool:
        return False

    def owner_in_transaction(self) -> bool:
        return False

    def dedicated(self, purpose: str) -> Session:
        connector = self._connector.meant_for(purpose)
        return ConnectionSession(connector.named_by(connector.names.copied()))

    def call(self, who: str) -> None:
        self._connector.names.who = who

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        with translated_connecting(self._connector.conninfo):
            return await self._connector()


class BorrowedSession(_Shared):
    """On a connection that somebody else owns, inside whatever transaction it is in."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], connector: Connector) -> None:
        super().__init__(connector)
        self._connection = connection

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    def in_transaction(self) -> bool:
        # Outside autocommit the next statement begins one, where there is none.
        idle = self._connection.info.transaction_status == TransactionStatus.IDLE
        return not (self._connection.autocommit and idle)

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        refuse_bytes(self._connection)
        with translated():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                # A raw cursor takes $1 placeholders; the row shape is ours whatever the user's factory.
                cursor = psycopg.AsyncRawCursor(self._connection, row_factory=named_row)
                cursor.adapters.register_loader("timestamptz", InstantLoader)
                async with cursor:
                    await cursor.execute(sql, args, binary=True)  # pyright: ignore[reportArgumentType]
                    return await cursor.fetchall() if cursor.description else []

    async def script(self, sql: str) -> None:
        with translated():
            # Neither with parameters nor prepared, psycopg sends the text as it is, several statements at
            # once. A migration takes as long as it takes.
            await self._connection.execute(sql.encode(), prepare=False)

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        statement = copy_statement(schema, table, columns).encode()
        with translated():
            cursor = self._connection.cursor()
            async with asyncio.timeout(COPY_TIMEOUT), cursor, cursor.copy(statement) as copying:
                for chunk in chunks:
                    await copying.write(chunk)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        with translated():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                await self._begin_as_the_owner_would()
            async with EndsInTime(self._connection.transaction(), COMMAND_TIMEOUT):
                yield self

    async def _begin_as_the_owner_would(self) -> None:
        # On an idle connection, transaction() begins and then commits one of its own. What is written here
        # must wait for the owner's commit, so outside autocommit the owner's transaction begins first.
        idle = self._connection.info.transaction_status == TransactionStatus.IDLE
        if idle and not self._connection.autocommit:
            await self._connection.execute("SELECT 1")


class ConnectionSession(_Shared, ScopedSession):
    """On one connection of its own, one statement or transaction at a time. A connection that broke is
    replaced by a new one with the same parameters.

    The connection of its `owner`, if there is one, only says how to connect: whatever he does on it, a
    transaction above all, and whatever is done here stay apart.
    """

    def __init__(self, connector: Connector, owner: psycopg.AsyncConnection[Any] | None = None) -> None:
        super().__init__(connector)
        self._owner = owner
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._busy = asyncio.Lock()

    async def open(self) -> None:
        async with self._busy:
            if self._connection is None:
                if self._owner is not None and not self._owner.closed:
                    refuse_bytes(self._owner)
                await self._learn_settings()
                self._connection = await self._connect()

    async def _learn_settings(self) -> None:
        owner = self._owner
        # Outside autocommit the question would begin a transaction.
        if owner is None or owner.closed or not owner.autocommit or _in_transaction(owner):
            return
        with suppress(DatabaseError):
            rows = await BorrowedSession(owner, self._connector).fetch(READ_SETTINGS)
            self._connector = self._connector.with_settings(settings_of(rows))

    def owner_in_transaction(self) -> bool:
        owner = self._owner
        return owner is not None and not owner.closed and _in_transaction(owner)

    async def close(self) -> None:
        if self._connection is not None:
            own, self._connection = self._connection, None
            await own.close()

    @asynccontextmanager
    async def _scope(self) -> AsyncIterator[Session]:
        async with self._busy:
            if self._connection is None:
                raise ConnectionLost("this session is closed")
            if self._connection.closed:
                self._connection = await self._connect()
            connection = self._connection
            try:
                yield BorrowedSession(connection, self._connector)
            except ReadOnlyServer:
                await connection.close()  # the next one may lead to another server
                raise
            finally:
                if connection.info.transaction_status != TransactionStatus.IDLE:
                    await connection.close()  # what comes next would be part of it


def _in_transaction(connection: psycopg.AsyncConnection[Any]) -> bool:
    status = connection.info.transaction_status
    if status == TransactionStatus.ACTIVE:
        return not connection.autocommit  # in mid-statement nobody knows; in autocommit it is likely none
    return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class EndsInTime:
    """A connection's or a transaction's block. Its beginning and its end are statements too: neither may take
    longer than so many seconds, whatever is in between."""

    def __init__(self, block: AbstractAsyncContextManager[object], seconds: float) -> None:
        self._block = block
        self._seconds = seconds

    async def __aenter__(self) -> None:
        async with asyncio.timeout(self._seconds):
            await self._block.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._block.__aexit__(kind, error, trace)
        except TimeoutError:
            if error is None:
                raise
            return None  # what the block raised, a cancellation perhaps, goes on


class PoolSession(_Shared, ScopedSession):
    """On a pool: statements run side by side, each on a connection of its own."""

    def __init__(self, pool: psycopg_pool.AsyncConnectionPool[Any] | None, connector: Connector) -> None:
        super().__init__(connector)
        self._pool: psycopg_pool.AsyncConnectionPool[Any] | None = pool
        self._own: psycopg_pool.AsyncConnectionPool[Any] | None = None

    async def open(self) -> None:
        if self._pool is None:
            # One connection tells at once why it cannot be made; a pool would try again until its timeout.
            await (await self._connect()).close()
            own = psycopg_pool.AsyncConnectionPool(
                self._connector.conninfo,
                connection_class=ApartConnection if self._connector.conninfo else made_by(self._connector),
                min_size=1,
                max_size=5,
                open=False,
                kwargs={
                    "autocommit": True,
                    **patience(self._connector.conninfo, {}),
                    **text_as_utf8(self._connector.conninfo),
                },
                configure=self._connector.name if self._connector.conninfo else None,
                reconnect_timeout=RECONNECT_TIMEOUT,
                check=check,
            )
            try:
                with translated():
                    await own.open(wait=True, timeout=COMMAND_TIMEOUT)
            except BaseException:
                await own.close()
                raise
            self._pool = self._own = own

    async def close(self) -> None:
        if self._own is not None:
            own, self._own, self._pool = self._own, None, None
            await own.close()

    @asynccontextmanager
    async def _scope(self) -> AsyncIterator[Session]:
        pool = self._pool  # a session may be closed while a statement runs, and its connection goes back
        if pool is None:
            raise ConnectionLost("this session is closed")
        with translated():
            connection = await self._get(pool)
            try:
                # Leaving this block commits, where the user's pool is not in autocommit.
                async with EndsInTime(connection, COMMAND_TIMEOUT):
                    yield BorrowedSession(connection, self._connector)
            except ReadOnlyServer:
                # All lead to one server, most likely; the next ones may lead to another.
                await connection.close()
                if hasattr(pool, "drain"):  # since psycopg_pool 3.3; before, each is closed when it fails
                    await pool.drain()
                raise
            finally:
                await pool.putconn(connection)

    async def _get(self, pool: psycopg_pool.AsyncConnectionPool[Any]) -> psycopg.AsyncConnection[Any]:
        """A connection of the pool's. Asked for again and again: a pool that gave up while the database was
        away connects when somebody asks, not while he waits."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + COMMAND_TIMEOUT
        while True:
            try:
                wait = min(ASK_AGAIN, max(deadline - loop.time(), 0.01))
                cancelled = _cancellations()
                connection: psycopg.AsyncConnection[Any] = await pool.getconn(timeout=wait)
            except psycopg_pool.PoolTimeout:
                if loop.time() >= deadline:
                    raise
            else:
                if _cancellations() == cancelled:
                    return connection
                # The pool waits by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that
                # meets its end.
                await pool.putconn(connection)
                raise asyncio.CancelledError


def _cancellations() -> int:
    """How often this task was asked to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
