"""The inner port: all that the PostgreSQL adapter needs from asyncpg or psycopg."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol


class Row(Protocol):
    """A result row, read by column name."""

    def __getitem__(self, column: str, /) -> Any: ...
    def values(self) -> Iterable[Any]:
        """The values in the order of the columns."""
        ...


class Session(Protocol):
    """A way to run SQL with ``$1`` placeholders: on a pool, on one connection, in a transaction.

    Failures arrive as this project's `DatabaseError` tree (see `sqlstate`), never as the library's own.
    """

    async def open(self) -> None:
        """Connect, where this session makes its own connections. Idempotent."""
        ...

    async def close(self) -> None:
        """Close what `open` made. Idempotent."""
        ...

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        """Run one statement; its rows. Outside a transaction it commits by itself."""
        ...

    async def script(self, sql: str) -> None:
        """Run several statements without parameters."""
        ...

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        """Append rows by COPY, from its text format in UTF-8. All of them are stored, or none."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Session]:
        """A session on one connection in a transaction (a savepoint, where one is open already) that
        commits at the end of the block and rolls back if the block raises."""
        ...

    @property
    def blocking(self) -> bool:
        """True if its calls block, as those of a program without an event loop do."""
        ...

    def in_transaction(self) -> bool:
        """True if what is written here becomes valid only when somebody commits."""
        ...

    def owner_in_transaction(self) -> bool:
        """True if the program has a transaction open on the very connection that this session was made from,
        and that it does not use."""
        ...

    async def listen(
        self, channel: str, on_payload: Callable[[str], None], on_ready: Callable[[], None]
    ) -> None:
        """LISTEN on a connection of its own until cancelled; probes it, so that a silent break is noticed.

        Raises:
            ConnectionLost: the connection broke.
        """
        ...

    def call(self, who: str) -> None:
        """Whose connections are that are made from now on, as the server's list of sessions shows them."""
        ...

    def dedicated(self, purpose: str) -> Session:
        """A session on one new connection with the same parameters, usable in another event loop."""
        ...


class ScopedSession:
    """A session that borrows a connection for each statement or transaction: the subclass says how."""

    def _scope(self) -> AbstractAsyncContextManager[Session]:
        """A session on one connection that nobody else uses meanwhile."""
        raise NotImplementedError

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        async with self._scope() as session:
            return await session.fetch(sql, args)

    async def script(self, sql: str) -> None:
        async with self._scope() as session:
            await session.script(sql)

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        async with self._scope() as session:
            await session.copy(schema, table, columns, chunks)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self._scope() as session, session.transaction() as transaction:
            yield transaction
