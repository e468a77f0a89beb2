"""Sessions over asyncpg: a pool, one connection, a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, ReadOnlyServer
from pg_scheduler_asyncpg.connecting import CONNECT_TIMEOUT, Connector, connect_apart
from pg_scheduler_asyncpg.failures import translated, translated_connecting
from pg_scheduler_asyncpg.lending import give_back, lend
from pg_scheduler_asyncpg.listening import listen
from pg_scheduler_postgres.session import Row, ScopedSession, Session
from pg_scheduler_postgres.session_settings import READ_SETTINGS, settings_of
from pg_scheduler_postgres.uninterrupted import uninterrupted

COMMAND_TIMEOUT = 30.0
"""Seconds after which a statement's connection is taken for dead (a cut without a goodbye)."""
COPY_TIMEOUT = 600.0
"""The same for a COPY, which moves any number of rows."""


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


class BorrowedSession(_Shared):
    """On a connection that somebody else owns, inside whatever transaction it is in."""

    def __init__(self, connection: Any, connector: Connector) -> None:
        super().__init__(connector)
        self._connection = connection

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    def in_transaction(self) -> bool:
        inside: bool = self._connection.is_in_transaction()
        return inside

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        with translated():
            rows: Sequence[Row] = await self._connection.fetch(sql, *args, timeout=COMMAND_TIMEOUT)
            return rows

    async def script(self, sql: str) -> None:
        with translated():
            await self._connection.execute(sql)

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        with translated():
            await self._connection.copy_to_table(
                table,
                source=_one_by_one(chunks),
                columns=list(columns),
                schema_name=schema,
                format="text",
                encoding="UTF8",
                timeout=COPY_TIMEOUT,
            )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        part = self._connection.is_in_transaction()
        begin, undo, commit = _SAVEPOINT if part else _TRANSACTION
        begun = False
        try:
            await self._say(begin)
            begun = True
            yield self
            await self._say(commit)
        except BaseException:
            # Where the answer to BEGIN did not come, there may be a transaction all the same.
            if begun or not part:
                await uninterrupted(self._undo(undo))
            raise

    async def _undo(self, undo: str) -> None:
        # A connection that broke has been taken back by its pool, and cannot even be asked whether it is
        # closed. The server has rolled back then, and what the block raised tells more.
        with suppress(DatabaseError), translated():
            if self._connection.is_closed():
                return
            try:
                await self._say(undo)
            except ConnectionLost:
                self._connection.terminate()  # not answered: it must never be used with a transaction open
                raise

    async def _say(self, statement: str) -> None:
        with translated():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                await self._connection.execute(statement)


async def _one_by_one(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


# asyncpg's own transaction() cannot nest in one that its owner began with a plain BEGIN, and after a BEGIN
# that was cancelled it takes every further one for a savepoint.
_TRANSACTION = ("BEGIN", "ROLLBACK", "COMMIT")
_SAVEPOINT = (
    "SAVEPOINT pg_scheduler",
    "ROLLBACK TO SAVEPOINT pg_scheduler; RELEASE SAVEPOINT pg_scheduler",
    "RELEASE SAVEPOINT pg_scheduler",
)


class ConnectionSession(_Shared, ScopedSession):
    """On one connection of its own, one statement or transaction at a time. A connection that broke is
    replaced by a new one with the same parameters.

    The connection of its `owner`, if there is one, only says how to connect: whatever he does on it, a
    transaction above all, and whatever is done here stay apart.
    """

    def __init__(self, connector: Connector, owner: Any = None) -> None:
        super().__init__(connector)
        self._owner = owner
        self._connection: Any = None
        self._opened = False
        self._busy = asyncio.Lock()

    async def open(self) -> None:
        async with self._busy:
            if not self._opened:
                await self._learn_settings()
                self._connection = await self._connect()
                self._opened = True

    async def _learn_settings(self) -> None:
        owner = self._owner
        if owner is None or owner.is_closed() or owner.is_in_transaction():
            return
        # A connection that its owner is using cannot be asked: then those of its beginning must do.
        with suppress(DatabaseError):
            rows = await BorrowedSession(owner, self._connector).fetch(READ_SETTINGS)
            self._connector = self._connector.with_settings(settings_of(rows))

    async def _connect(self) -> Any:
        with translated():
            return await self._connector()

    def owner_in_transaction(self) -> bool:
        owner = self._owner
        return owner is not None and not owner.is_closed() and owner.is_in_transaction()

    async def close(self) -> None:
        self._opened = False
        if self._connection is not None:
            own, self._connection = self._connection, None
            await _close(own)

    @asynccontextmanager
    async def _scope(self) -> AsyncIterator[Session]:
        async with self._busy:
            if not self._opened:
                raise ConnectionLost("this session is closed")
            if self._connection.is_closed():
                self._connection = await self._connect()
            connection = self._connection
            try:
                yield BorrowedSession(connection, self._connector)
            except ReadOnlyServer:
                connection.terminate()  # the next one may lead to another server
                raise
            finally:
                if not connection.is_closed() and connection.is_in_transaction():
                    connection.terminate()  # what comes next would be part of it


class PoolSession(_Shared, ScopedSession):
    """On a pool: statements run side by side, each on a connection of its own."""

    def __init__(self, pool: Any, connector: Connector) -> None:
        super().__init__(connector)
        self._pool = pool
        self._own: Any = None

    async def open(self) -> None:
        if self._pool is None:
            with translated_connecting(self._connector.dsn):
                self._pool = self._own = await asyncpg.create_pool(
                    self._connector.dsn,
                    min_size=1,
                    max_size=5,
                    timeout=CONNECT_TIMEOUT,
                    connect=connect_apart if self._connector.dsn else self._connector.for_pool,
                    init=self._connector.name if self._connector.dsn else None,
                    reset=_nothing_to_reset,
                )

    async def close(self) -> None:
        if self._own is not None:
            own, self._own, self._pool = self._own, None, None
            await _close(own)

    @asynccontextmanager
    async def _scope(self) -> AsyncIterator[Session]:
        if self._pool is None:
            raise ConnectionLost("this session is closed")
        with translated():
            connection = await lend(self._pool, COMMAND_TIMEOUT)
        try:
            yield BorrowedSession(connection, self._connector)
        except ReadOnlyServer:
            # All lead to one server, most likely; the next ones may lead to another.
            connection.terminate()
            await self._pool.expire_connections()
            raise
        finally:
            with translated():
                await give_back(self._pool, connection, COMMAND_TIMEOUT)


async def _nothing_to_reset(connection: Any) -> None:
    """Nothing here outlives its transaction, and asyncpg's own reset is a round trip that the next start of
    a job would wait for."""


async def _close(closable: Any) -> None:
    """Close politely, and by force where the other side no longer answers."""
    try:
        async with asyncio.timeout(5):
            await closable.close()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        closable.terminate()
