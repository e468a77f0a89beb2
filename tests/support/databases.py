"""Servers that live for the session, and a database of its own for each test that wants one."""

from __future__ import annotations

import itertools
import os
from typing import Protocol

import asyncpg

from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.binaries import available_versions
from pg_scheduler_embedded.server import FAST

_serial = itertools.count(1)


class Servers:
    """One embedded server per major version, started when first asked for."""

    def __init__(self) -> None:
        self._servers: dict[int, EmbeddedServer] = {}

    def __getitem__(self, version: int) -> EmbeddedServer:
        server = self._servers.get(version)
        if server is None:
            server = self._servers[version] = EmbeddedServer(version, FAST).start()
        return server

    def stop(self) -> None:
        """Stop all of them."""
        for server in self._servers.values():
            server.stop()


def versions_to_test() -> list[int]:
    """Those named by PG_SCHEDULER_TEST_VERSIONS ("18,16"), else all that can be had here."""
    chosen = os.environ.get("PG_SCHEDULER_TEST_VERSIONS")
    return [int(version) for version in chosen.split(",")] if chosen else available_versions()


_free: dict[int, list[str]] = {}
"""Databases that a test has done with, by the port of their server."""


class Host(Protocol):
    """A server, or several of which one accepts writes."""

    @property
    def dsn(self) -> str:
        """To the database `postgres`."""
        ...

    def dsn_of(self, database: str) -> str:
        """To another one."""
        ...

    @property
    def port(self) -> int:
        """Of the one that accepts writes."""
        ...


async def new_database(server: Host, options: str = "") -> str:
    """The DSN of an empty database; `options` as in CREATE DATABASE."""
    if not options and _free.get(server.port):
        return _free[server.port].pop()
    name = f"test_{os.getpid()}_{next(_serial)}"
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
    finally:
        await connection.close()
    return server.dsn_of(name)


async def give_back(server: EmbeddedServer, dsn: str) -> None:
    """Empty a database for the next test. Dropping it would cost a checkpoint, and keeping one for each
    test would fill the disk."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_LEAVE)
        for row in await connection.fetch(_SCHEMAS):
            await connection.execute(f"DROP SCHEMA {row['name']} CASCADE")
        await connection.execute("CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
        await connection.execute(f'ALTER DATABASE "{dsn.rpartition("/")[2]}" RESET ALL')
    finally:
        await connection.close()
    _free.setdefault(server.port, []).append(dsn)


_LEAVE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_SCHEMAS = """
    SELECT quote_ident(nspname) AS name FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
"""
