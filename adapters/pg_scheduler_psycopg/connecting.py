"""How to make one more connection like the ones the user's pool or connection has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import psycopg_pool

CONNECT_TIMEOUT = 10
"""Seconds to wait for a connection before calling the database unreachable."""


@dataclass(frozen=True, slots=True)
class Connector:
    """Connection parameters, usable from any event loop."""

    conninfo: str = field(repr=False)
    kwargs: dict[str, Any] = field(repr=False)
    configure: Callable[[Any], Awaitable[None]] | None = None
    """The pool's own per-connection set-up, e.g. a SET ROLE."""

    @classmethod
    def of_dsn(cls, dsn: str) -> Connector:
        """From a connection string."""
        return cls(dsn, {})

    @classmethod
    def of_pool(cls, pool: psycopg_pool.AsyncConnectionPool[Any]) -> Connector:
        """From a pool: what it passes to connect."""
        conninfo = pool.conninfo if isinstance(pool.conninfo, str) else ""
        kwargs = dict(pool.kwargs) if isinstance(pool.kwargs, dict) else {}
        return cls(conninfo, kwargs, pool._configure)

    @classmethod
    def of_connection(cls, connection: psycopg.AsyncConnection[Any]) -> Connector:
        """From a live connection: its parameters, with the password that its DSN leaves out."""
        info = connection.info
        return cls(info.dsn, {"password": info.password} if info.password else {})

    async def __call__(self) -> psycopg.AsyncConnection[Any]:
        """A new connection, in autocommit."""
        kwargs = {"connect_timeout": CONNECT_TIMEOUT, **self.kwargs, "autocommit": True}
        connection = await psycopg.AsyncConnection.connect(self.conninfo, **kwargs)
        if self.configure is not None:
            await self.configure(connection)
            await connection.set_autocommit(True)
        return connection
