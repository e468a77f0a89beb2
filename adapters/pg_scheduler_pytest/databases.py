"""Databases for tests, each made from a template."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pg_scheduler.scheduler import Scheduler


class Server(Protocol):
    """A PostgreSQL server."""

    @property
    def dsn(self) -> str:
        """The connection string of a database from which others can be made."""
        ...

    def dsn_of(self, database: str) -> str:
        """That of another database."""
        ...


@dataclass(frozen=True, slots=True)
class GivenServer:
    """A server that runs already."""

    dsn: str

    def dsn_of(self, database: str) -> str:
        """The same server, another database."""
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{database}"))


@contextmanager
def started_or_given(dsn: str | None) -> Iterator[Server]:
    """The server of a connection string, else one that is started for this block.

    Raises:
        MissingDependency: there is no PostgreSQL to start; it says how to get one.
    """
    if dsn is not None:
        yield GivenServer(dsn)
        return
    from pg_scheduler_embedded import EmbeddedServer
    from pg_scheduler_embedded.server import FAST

    with EmbeddedServer(settings=FAST) as server:
        yield server


@dataclass(slots=True)
class Template:
    """A database that others are copies of."""

    server: Server
    name: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def dsn(self) -> str:
        """Its connection string. Nobody may be connected while a copy is made."""
        return self.server.dsn_of(self.name)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A copy for this block; its connection string."""
        name = f"{self.name}_{next(self._numbers)}"
        _now(_execute(self.server.dsn, f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"'))
        try:
            yield self.server.dsn_of(name)
        finally:
            _now(_execute(self.server.dsn, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@contextmanager
def template_on(server: Server) -> Iterator[Template]:
    """A template with our tables, for this block."""
    name = f"pgq_test_{os.getpid()}_{os.urandom(4).hex()}"
    _now(_execute(server.dsn, f'CREATE DATABASE "{name}"'))
    template = Template(server, name)
    try:
        _now(_install(template.dsn))
        yield template
    finally:
        _now(_execute(server.dsn, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


async def _install(dsn: str) -> None:
    scheduler = Scheduler.connect(dsn)
    try:
        await scheduler.initialize_db()
    finally:
        await scheduler.shutdown()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _now(work: Coroutine[Any, Any, None]) -> None:
    """Run it to the end in a thread of its own: an event loop may run in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
