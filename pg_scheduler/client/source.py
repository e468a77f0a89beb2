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


class Engine(Protocol):
    """An engine of SQLAlchemy's."""

    @property
    def url(self) -> Any:
        """Where it connects to."""
        ...

    @property
    def raw_connection(self) -> Callable[..., Any]:
        """Lends a connection."""
        ...


class Url(Protocol):
    """A URL of SQLAlchemy's."""

    def render_as_string(self, hide_password: bool = True) -> str:
        """As text."""
        ...


class BlockingDriver(Driver, Protocol):
    """A driver that needs no event loop, such as `pg_scheduler.testing.MemoryDriver`."""

    @property
    def run_now(self) -> Callable[..., Any]:
        """Runs one of its coroutines to the end."""
        ...


Source: TypeAlias = str | Driver | AsyncConnection | AsyncpgPool | AsyncPsycopgPool | Proxy | Engine | Url
"""A DSN, a pool or connection of asyncpg's or psycopg's, an AsyncEngine, Django's alias, or a Driver."""

BlockingSource: TypeAlias = str | BlockingConnection | BlockingPool | BlockingDriver | Proxy | Engine | Url
"""A DSN, a blocking psycopg connection or pool, an Engine, Django's alias, or such a driver."""

Library: TypeAlias = Literal["asyncpg", "psycopg"]
"""Who speaks to the database, where a DSN leaves it open."""
