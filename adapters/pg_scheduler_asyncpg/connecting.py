"""How to make one more connection like the ones the user's pool or connection has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg

from pg_scheduler.ports.forks import cut_off, kept_from_forks
from pg_scheduler_asyncpg.hosts import (
    HOST_TIMEOUT,
    Target,
    as_url,
    first_that_serves,
    targets_of,
    without_timeout,
)
from pg_scheduler_postgres.connection_names import ConnectionNames, statement_naming
from pg_scheduler_postgres.session_settings import APPLY_SETTINGS, Settings

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection before calling the database unreachable."""
ANSWER_PATIENCE = 1.0
"""Seconds for which a connection may still be made although nobody wants it any more."""


async def connect(dsn: str | None = None, **kwargs: Any) -> Any:
    """`asyncpg.connect`, as `uncut`, for a connection of ours: it keeps long statements prepared."""
    kwargs.setdefault("max_cacheable_statement_size", 0)
    return await connect_by(asyncpg.connect, dsn, **kwargs)


async def connect_by(make: Callable[..., Awaitable[Any]], dsn: str | None, **kwargs: Any) -> Any:
    """As `make` would: to the first of several hosts that serves, each in its own time."""
    wanted = None
    if dsn is not None:
        dsn, wanted = without_timeout(dsn)
    targets = targets_of(dsn, kwargs)
    if not targets:
        if wanted is not None:
            kwargs["timeout"] = wanted
        return await uncut(make(dsn, **kwargs))

    async def attempt(target: Target) -> Any:
        return await uncut(make(dsn, **{**kwargs, "host": target.host, "port": target.port}))

    return await first_that_serves(targets, attempt, wanted or HOST_TIMEOUT)


async def connect_apart(dsn: str | None = None, **kwargs: Any) -> Any:
    """The same, of this process alone, whatever is forked from it."""
    return await kept_from_forks(lambda: connect(dsn, **kwargs), _cut_off)


async def uncut(connecting: Awaitable[Any]) -> Any:
    """A connection. Where asyncpg is cancelled while the server is to say whether it speaks TLS, it leaves an
    exception that nobody retrieves: an error in the log. So a cancellation lets it come to its end first."""
    made = asyncio.ensure_future(connecting)
    try:
        return await asyncio.shield(made)
    except asyncio.CancelledError:
        made.add_done_callback(_unwanted)
        try:
            await asyncio.wait({made}, timeout=ANSWER_PATIENCE)
        finally:
            made.cancel()
        raise


def _unwanted(made: asyncio.Future[Any]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().terminate()


@dataclass(frozen=True, slots=True)
class Connector:
    """Makes connections, in any event loop."""

    connect: Callable[[], Awaitable[Any]] = field(repr=False)
    dsn: str = field(default="", repr=False)
    """The connection string, if there is one."""
    settings: Settings = field(default_factory=dict, repr=False)
    """What is set on each connection once it is made."""
    names: ConnectionNames = field(default_factory=ConnectionNames)
    purpose: str = ""

    @classmethod
    def of_dsn(cls, dsn: str) -> Connector:
        """From a connection string, of either kind."""
        url = as_url(dsn)
        return cls(lambda: connect(url), url)

    @classmethod
    def of_pool(cls, pool: Any) -> Connector:
        """From a pool: as it makes its own at that moment, which `set_connect_args` changes, and as it sets
        them up before it lends them. All this by its private attributes (asyncpg has no public way; a test
        fails if they move)."""

        async def as_the_pool_does() -> Any:
            (dsn,) = pool._connect_args
            connection = await connect_by(
                pool._connect,
                dsn,
                loop=asyncio.get_running_loop(),
                connection_class=pool._connection_class,
                record_class=pool._record_class,
                **pool._connect_kwargs,
            )
            try:
                for prepare in (pool._init, pool._setup):
                    if prepare is not None:
                        await prepare(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection

        return cls(as_the_pool_does)

    @classmethod
    def of_connection(cls, connection: Any) -> Connector:
        """From a live connection: the address and parameters it was made with. Of several hosts it knows only
        the one that answered, unless they stand in the environment."""
        params = connection._params
        kwargs: dict[str, Any] = {
            **_address_of(connection._addr),
            "user": params.user,
            "password": params.password,
            "database": params.database,
            "ssl": _ssl_of(params),
            "direct_tls": getattr(params, "ssl_negotiation", None) == "direct" or None,
            "server_settings": params.server_settings,
            "target_session_attrs": getattr(params.target_session_attrs, "value", None),
            "krbsrvname": getattr(params, "krbsrvname", None),
            "gsslib": getattr(params, "gsslib", None),
            "statement_cache_size": connection._config.statement_cache_size,
        }
        given = {name: value for name, value in kwargs.items() if value is not None}
        return cls(lambda: connect(**given))

    def with_settings(self, settings: Settings) -> Connector:
        """The same, with settings on each connection."""
        return replace(self, settings=settings)

    def named_by(self, names: ConnectionNames) -> Connector:
        """The same, whose connections are called so."""
        return replace(self, names=names)

    def meant_for(self, purpose: str) -> Connector:
        """The same for some purpose, which is part of its connections' names."""
        return replace(self, purpose=purpose)

    async def name(self, connection: Any) -> None:
        """Give a new connection its name, unless it has one."""
        if not getattr(connection.get_settings(), "application_name", ""):
            naming = statement_naming(self.names.of(self.purpose))
            await connection.execute(naming, timeout=CONNECT_TIMEOUT)

    async def for_pool(self, *_: Any, **__: Any) -> Any:
        """What a pool calls, which has its own idea of where to connect."""
        return await self()

    async def __call__(self) -> Any:
        """A new connection."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            connection = await kept_from_forks(self.connect, _cut_off)
            try:
                if self.settings:
                    await connection.fetch(APPLY_SETTINGS, list(self.settings), list(self.settings.values()))
                await self.name(connection)
            except BaseException:
                connection.terminate()
                raise
        return connection


async def _only_its_owner() -> Any:
    raise NotImplementedError("only its owner knows how to make another one")


OWNERS = Connector(_only_its_owner)
"""Of a connection that somebody else has made."""


def _cut_off(connection: Any) -> None:
    link = None if connection.is_closed() else connection._transport.get_extra_info("socket")
    if link is not None and link.fileno() >= 0:
        cut_off(link.fileno())


def _address_of(address: Any) -> dict[str, Any]:
    """Host and port to connect to again. If the environment names several hosts and this is one of them, the
    library takes them all from there."""
    host, port = address if isinstance(address, tuple) else _socket_parts(address)
    hosts = [spec.rpartition(":")[0] or spec for spec in os.environ.get("PGHOST", "").split(",")]
    return {} if len(hosts) > 1 and host in hosts else {"host": host, "port": port}


def _ssl_of(params: Any) -> Any:
    """The TLS setting to connect with again: a context alone would mean "require", so where TLS was
    optional its mode says so."""
    mode = None if params.sslmode is None else params.sslmode.name
    return mode if mode in ("disable", "allow", "prefer") else params.ssl


def _socket_parts(address: str) -> tuple[str, int]:
    """Folder and port of a Unix socket path ``.../.s.PGSQL.5432``."""
    folder, _, name = address.rpartition("/")
    return folder, int(name.rpartition(".")[2])
