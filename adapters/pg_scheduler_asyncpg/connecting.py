"""How to make one more connection like the ones the user's pool or connection has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection before calling the database unreachable."""


@dataclass(frozen=True, slots=True)
class Connector:
    """Connection parameters, usable from any event loop."""

    connect: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...] = field(repr=False)
    kwargs: dict[str, Any] = field(repr=False)
    init: Callable[[Any], Awaitable[None]] | None = None
    """The pool's own per-connection set-up, e.g. a SET ROLE."""

    @classmethod
    def of_dsn(cls, dsn: str) -> Connector:
        """From a connection string."""
        return cls(asyncpg.connect, (dsn,), {})

    @classmethod
    def of_pool(cls, pool: Any) -> Connector:
        """From a pool: what it passes to connect, by its private attributes (asyncpg has no public
        way; a contract test fails if they move)."""
        return cls(pool._connect, tuple(pool._connect_args), dict(pool._connect_kwargs), pool._init)

    @classmethod
    def of_connection(cls, connection: Any) -> Connector:
        """From a live connection: the address and parameters it was made with."""
        address, params = connection._addr, connection._params
        host, port = address if isinstance(address, tuple) else _socket_parts(address)
        kwargs: dict[str, Any] = {
            "host": host,
            "port": port,
            "user": params.user,
            "password": params.password,
            "database": params.database,
            "ssl": _ssl_of(params),
            "direct_tls": getattr(params, "ssl_negotiation", None) == "direct" or None,
            "server_settings": params.server_settings,
            "statement_cache_size": connection._config.statement_cache_size,
        }
        return cls(asyncpg.connect, (), {k: v for k, v in kwargs.items() if v is not None})

    @property
    def dsn(self) -> str:
        """The connection string, if there is one."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else ""

    async def __call__(self) -> Any:
        """A new connection."""
        connection = await self.connect(*self.args, **{"timeout": CONNECT_TIMEOUT, **self.kwargs})
        if self.init is not None:
            await self.init(connection)
        return connection


def _ssl_of(params: Any) -> Any:
    """The TLS setting to connect with again: a context alone would mean "require", so where TLS was
    optional its mode says so."""
    mode = None if params.sslmode is None else params.sslmode.name
    return mode if mode in ("disable", "allow", "prefer") else params.ssl


def _socket_parts(address: str) -> tuple[str, int]:
    """Folder and port of a Unix socket path ``.../.s.PGSQL.5432``."""
    folder, _, name = address.rpartition("/")
    return folder, int(name.rpartition(".")[2])
