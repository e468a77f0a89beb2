"""What a scheduler or client can work on, as a type checker sees it: no library is imported for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeAlias

from pg_scheduler.ports.driver import Driver


class AsyncConnection(Protocol):
    """An asyncpg or psycopg connection."""

    @property
    def execute(self) -> Callable[..., Awaitable[Any]]:
        """Sends a statement."""
        ...

    @property
    def transaction(self) -> Callable[..., Any]:
        """Begins a transaction."""
        ...

    @property
    def close(self) -> Callable[..., Awaitable[Any]]:
        """Ends the connection."""
        ...


class AsyncpgPool(Protocol):
    """A pool of asyncpg's."""

    @property
    def acquire(self) -> Callable[..., Any]:
        """Lends a connection."""
        ...

    @property
    def release(self) -> Callable[..., Awaitable[Any]]:
        """Takes it back."""
        ...


class AsyncPsycopgPool(Protocol):
    """A pool of psycopg's for programs with an event loop."""

    @property
    def getconn(self) -> Callable[..., Awaitable[Any]]:
        """Lends a connection."""
        ...

    @property
    def putconn(self) -> Callable[..., Awaitable[Any]]:
        """Takes it back."""
        ...


class Proxy(Protocol):
    """Stands for a connection, as what an asyncpg pool lends does."""

    def __getattr__(self, attr: str, /) -> Any:
        """An attribute of the connection."""
        ...


class BlockingConnection(Protocol):
    """A psycopg connection for programs without an event loop."""

    @property
    def execute(self) -> Callable[..., Any]:
        """Sends a statement."""
        ...

    @property
    def transaction(self) -> Callable[..., Any]:
        """Begins a transaction."""
        ...

    @property
    def close(self) -> Callable[[], None]:
        """Ends the connection."""
        ...


class BlockingPool(Protocol):
    """A pool of psycopg's for programs without an event loop."""

    @property
    def getconn(self) -> Callable[..., Any]:
        """Lends a connection."""
        ...

    @property
    def close(self) -> Callable[[], None]:
        """Closes every connection."""
        ...


class BlockingDriver(Driver, Protocol):
    """A driver that needs no event loop, such as `pg_scheduler.testing.MemoryDriver`."""

    @property
    def run_now(self) -> Callable[..., Any]:
        """Runs one of its coroutines to the end."""
        ...


Source: TypeAlias = str | Driver | AsyncConnection | AsyncpgPool | AsyncPsycopgPool | Proxy
"""A DSN, a pool or connection of asyncpg's or psycopg's, or a Driver."""

BlockingSource: TypeAlias = str | BlockingConnection | BlockingPool | BlockingDriver
"""A DSN, a blocking psycopg connection or pool, or a driver that needs no event loop."""

Library: TypeAlias = Literal["asyncpg", "psycopg"]
"""Who speaks to the database, where a DSN leaves it open."""
