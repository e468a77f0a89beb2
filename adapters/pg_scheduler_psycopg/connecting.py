"""How to make one more connection like the ones the user's pool or connection has."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import psycopg
import psycopg_pool
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pg_scheduler.ports.forks import cut_off, kept_from_forks
from pg_scheduler_postgres.connection_names import ConnectionNames, statement_naming
from pg_scheduler_postgres.session_settings import APPLY_SETTINGS, Settings
from pg_scheduler_psycopg.encodings import text_as_utf8

CONNECT_TIMEOUT = 10
"""Seconds to wait for a connection before calling the database unreachable."""
HOST_TIMEOUT = 2
"""The same for each of several hosts: one that does not answer must not keep us from the others for long."""

Connection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Connector:
    """Makes connections, in any event loop."""

    connect: Callable[[], Awaitable[Connection]] = field(repr=False)
    conninfo: str = field(default="", repr=False)
    """The connection string, if there is one."""
    settings: Settings = field(default_factory=dict, repr=False)
    """What is set on each connection once it is made."""
    names: ConnectionNames = field(default_factory=ConnectionNames)
    purpose: str = ""

    @classmethod
    def of_dsn(cls, dsn: str) -> Connector:
        """From a connection string."""
        return cls(lambda: _connected(psycopg.AsyncConnection, dsn, text_as_utf8(dsn)), dsn)

    @classmethod
    def of_pool(cls, pool: psycopg_pool.AsyncConnectionPool[Any]) -> Connector:
        """From a pool: as it makes its own at that moment."""

        async def connect() -> Connection:
            conninfo = await _present(pool.conninfo) or ""
            kwargs = await _present(pool.kwargs) or {}
            connection = await _connected(pool.connection_class, conninfo, kwargs)
            try:
                if pool._configure is not None:
                    await pool._configure(connection)
                    await connection.set_autocommit(True)
            except BaseException:
                await connection.close()
                raise
            return connection

        return cls(connect, pool.conninfo if isinstance(pool.conninfo, str) else "")

    @classmethod
    def of_connection(cls, connection: Connection) -> Connector:
        """From a live connection: its parameters, with the password that its DSN leaves out. Of several hosts
        it knows only the one that answered, unless they stand in the environment."""
        info = connection.info
        conninfo = make_conninfo("", **_not_pinned(conninfo_to_dict(info.dsn)))
        kwargs: dict[str, Any] = {"prepare_threshold": connection.prepare_threshold, **text_as_utf8(conninfo)}
        if info.password:
            kwargs["password"] = info.password
        return cls(lambda: _connected(psycopg.AsyncConnection, conninfo, kwargs), conninfo)

    def with_settings(self, settings: Settings) -> Connector:
        """The same, with settings on each connection."""
        return replace(self, settings=settings)

    def named_by(self, names: ConnectionNames) -> Connector:
        """The same, whose connections are called so."""
        return replace(self, names=names)

    def meant_for(self, purpose: str) -> Connector:
        """The same for some purpose, which is part of its connections' names."""
        return replace(self, purpose=purpose)

    async def name(self, connection: Connection) -> None:
        """Give a new connection in autocommit its name, unless it has one."""
        if not connection.info.parameter_status("application_name"):
            naming = statement_naming(self.names.of(self.purpose)).encode()
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await connection.execute(naming, prepare=False)
            except BaseException:
                await connection.close()  # a pool would leave it to the garbage collector
                raise

    async def __call__(self) -> Connection:
        """A new connection, in autocommit."""
        connection = await kept_from_forks(self.connect, _cut_off)
        try:
            if self.settings:
                cursor = psycopg.AsyncRawCursor(connection)
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await cursor.execute(APPLY_SETTINGS, [list(self.settings), list(self.settings.values())])
            await self.name(connection)
        except BaseException:
            await connection.close()
            raise
        return connection


async def _only_its_owner() -> Connection:
    raise NotImplementedError("only its owner knows how to make another one")


OWNERS = Connector(_only_its_owner)
"""Of a connection that somebody else has made."""


class ApartConnection(Connection):
    """One of this process alone, whatever is forked from it."""

    @classmethod
    async def connect(cls, *args: Any, **kwargs: Any) -> Self:
        """As the library does."""
        return await kept_from_forks(partial(super().connect, *args, **kwargs), _cut_off)


def made_by(connector: Connector) -> type[Connection]:
    """A class whose connections are made by a connector, whatever a pool would connect to."""

    class Made(Connection):
        @classmethod
        async def connect(cls, *_: Any, **__: Any) -> Any:
            return await connector()

    return Made


def _cut_off(connection: Connection) -> None:
    if not connection.closed:
        cut_off(connection.fileno())


async def _connected(kind: type[Connection], conninfo: str, kwargs: dict[str, Any]) -> Connection:
    return await kind.connect(conninfo, **{**patience(conninfo, kwargs), **kwargs, "autocommit": True})


def patience(conninfo: str, kwargs: Mapping[str, Any]) -> dict[str, int]:
    """For how long to wait for each host, where nobody has said so."""
    parameters = {**conninfo_to_dict(conninfo), **kwargs}
    if "connect_timeout" in parameters or os.environ.get("PGCONNECT_TIMEOUT"):
        return {}
    hosts = parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST", "")
    return {"connect_timeout": HOST_TIMEOUT if "," in str(hosts) else CONNECT_TIMEOUT}


async def _present(value: Any) -> Any:
    """What a pool was given: a value, or a function that tells it, perhaps a coroutine function."""
    present = value() if callable(value) else value
    return await present if inspect.isawaitable(present) else present


def _not_pinned(parameters: dict[str, Any]) -> dict[str, Any]:
    """Without the address to which a host's name led, which may change in a failover; and without the host,
    if it is one of several in the environment: the library takes them all from there."""
    host = str(parameters.get("host") or "")
    if host and host != parameters.get("hostaddr"):
        parameters.pop("hostaddr", None)
    hosts = os.environ.get("PGHOST", "").split(",")
    if len(hosts) > 1 and host in hosts:
        for name in ("host", "hostaddr", "port"):
            parameters.pop(name, None)
    return parameters
