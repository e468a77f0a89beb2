"""Options that most commands share, and the scheduler made from them."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import click

from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import ConfigurationError, PgSchedulerError
from pg_scheduler.domain.passwords import masked
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import Failure, explained

_T = TypeVar("_T")

PATIENCE = timedelta(seconds=3)
"""How long a statement of a question may take."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the database is."""

    dsn: str | None = field(repr=False)
    schema: str | None
    library: Library | None
    read_dsn: str | None = field(default=None, repr=False)
    """Where questions go; None: where everything goes."""
    replica: bool = False
    """Whether `dsn` is where questions go, and nothing else is wanted."""

    @property
    def shown(self) -> str:
        """The connection string as it may be printed."""
        return masked(self.given_dsn())

    def run(self, work: Callable[[Scheduler], Awaitable[_T]]) -> _T:
        """Call `work` with a scheduler that runs no jobs, and close it afterwards.

        Raises:
            Failure: it failed; the message says why, and what to do.
        """
        dsn = self.given_dsn()

        async def whole() -> _T:
            scheduler = self.scheduler()
            try:
                await scheduler.open()
                if self.replica and (found := await scheduler.replica()) is not None:
                    click.echo(f"pgq: read from {found}", err=True)
                return await work(scheduler)
            finally:
                await scheduler.shutdown()

        try:
            return asyncio.run(whole())
        except PgSchedulerError as error:
            if os.environ.get("PGQ_DEBUG"):
                raise
            raise Failure(explained(error, dsn)) from error

    def scheduler(self) -> Scheduler:
        """One that is not open yet."""
        return Scheduler(self.given_dsn(), schema=self.schema, library=self.library, read_dsn=self.read_dsn)

    def ask(self, work: Callable[[Queries], Awaitable[_T]]) -> _T:
        """Like `run`, but with the entrypoint style's client. It does not create tables, so that a command
        never leaves tables in the wrong database; `pgq db install` creates them."""
        return self.run(lambda scheduler: work(Queries(scheduler.client)))

    def question(self, work: Callable[[JobClient], Awaitable[_T]]) -> _T:
        """Like `ask`, for what only reads: a statement that takes longer than `PATIENCE` ends, and the
        failure says so."""
        return self.run(lambda scheduler: work(scheduler.client.within(PATIENCE)))

    def given_dsn(self) -> str:
        """The connection string, with its password.

        Raises:
            ConfigurationError: none was given.
        """
        dsn = self.dsn or os.environ.get("PG_SCHEDULER_DSN") or os.environ.get("DATABASE_URL")
        if not dsn:
            raise ConfigurationError(
                "no database given: pass --dsn postgresql://user@host:5432/database, "
                "or set PG_SCHEDULER_DSN or DATABASE_URL"
            )
        return dsn


def connecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--dsn``, ``--schema`` and ``--library``; it receives a `Connection`."""

    @click.option("--dsn", help="Connection string. Default: $PG_SCHEDULER_DSN, else $DATABASE_URL.")
    @click.option("--schema", help="Schema of the tables. Default: the first of the search path.")
    @click.option(
        "--library",
        type=click.Choice(["asyncpg", "psycopg"]),
        help="Library to connect with. Default: asyncpg if installed.",
    )
    @functools.wraps(command)
    def with_connection(*, dsn: str | None, schema: str | None, library: Library | None, **rest: Any) -> Any:
        return command(Connection(dsn, schema, library), **rest)

    return with_connection


def _read_dsn(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--read-dsn`` besides; its `Connection` knows it as `read_dsn`."""

    @click.option(
        "--read-dsn", help="Connection string of a replica to read from. Default: $PG_SCHEDULER_READ_DSN."
    )
    @functools.wraps(command)
    def with_read_dsn(connection: Connection, *, read_dsn: str | None, **rest: Any) -> Any:
        # A database that is named by hand is meant, whatever the surroundings say.
        usual = None if connection.dsn else os.environ.get("PG_SCHEDULER_READ_DSN")
        return command(replace(connection, read_dsn=read_dsn or usual or None), **rest)

    return with_read_dsn


def reading_beside(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `connecting`, for a command that needs the primary too; its questions go to ``--read-dsn``."""
    return connecting(_read_dsn(command))


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `connecting`, for a command that only reads: it needs no more than ``--read-dsn``, and says how far
    a replica there has come."""

    @functools.wraps(command)
    def reads(connection: Connection, **rest: Any) -> Any:
        if connection.read_dsn is not None:
            connection = replace(connection, dsn=connection.read_dsn, read_dsn=None, replica=True)
        return command(connection, **rest)

    return reading_beside(reads)


as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
