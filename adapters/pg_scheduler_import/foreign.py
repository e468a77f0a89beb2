"""The table of another queue, as an import needs it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError, InvalidInput, PgSchedulerError
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.model import NewJob

Row = Mapping[str, Any]
FIRST_ID = -(2**63)
"""Before every id of a bigint column."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")


class Refused(Exception):
    """This job cannot be taken over; the text says why."""


class ForeignQueue(Protocol):
    """Jobs that wait in somebody else's table."""

    name: str
    """What it is called, and the beginning of the ids of its jobs here."""
    waits_as: str
    """The status of a job that waits."""

    async def check(self, connection: asyncpg.Connection) -> None:
        """Refuse a database that does not hold it.

        Raises:
            ConfigurationError: there is no such table, or a newer one.
        """
        ...

    async def waiting(
        self, connection: asyncpg.Connection, after: int, limit: int, lock: bool
    ) -> Sequence[Row]:
        """The next jobs that wait and are nobody's, in the order of their ids; with `lock`, locked until the
        transaction ends, and without those that somebody else has locked."""
        ...

    async def held_back(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> Mapping[int, str]:
        """Which of these must stay for now, and why, by id."""
        ...

    def job_of(self, row: Row) -> NewJob:
        """The same job here.

        Raises:
            Refused, InvalidInput: it cannot be one.
        """
        ...

    async def delete(self, connection: asyncpg.Connection, ids: Sequence[int]) -> None:
        """Take jobs out."""
        ...

    async def counts(self, connection: asyncpg.Connection) -> dict[str, int]:
        """How many jobs it holds, by its own statuses."""
        ...


def identifier(what: str, name: str) -> str:
    """A quoted identifier of SQL.

    Raises:
        InvalidInput: it has other characters than letters, digits, _ and $, or is too long.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise InvalidInput(what, f"expected letters, digits, _ and $, got {name!r}")
    return f'"{name}"'


async def columns_of(connection: asyncpg.Connection, schema: str, table: str) -> set[str]:
    """The columns of a table; none if there is no such table."""
    rows = await connection.fetch(
        "SELECT column_name::text FROM information_schema.columns "
        "WHERE table_schema = $1 AND table_name = $2",
        schema,
        table,
    )
    return {row["column_name"] for row in rows}


async def require(
    connection: asyncpg.Connection, schema: str, table: str, needed: set[str], hint: str
) -> None:
    """Refuse a database without this table.

    Raises:
        ConfigurationError: naming what is missing.
    """
    found = await columns_of(connection, schema, table)
    if not found:
        raise ConfigurationError(f"there is no table {schema}.{table}: nothing to import. {hint}")
    if missing := needed - found:
        raise ConfigurationError(
            f"{schema}.{table} has no column {', '.join(sorted(missing))}: it is of a version that cannot be "
            "imported. Upgrade it by its own means first"
        )


async def number_in(connection: asyncpg.Connection, table: str) -> int:
    """How many rows a table has, whose name is quoted."""
    return int(await connection.fetchval(f"SELECT pg_catalog.count(*) FROM {table}") or 0)


def job_id_of(source: str, number: int) -> str:
    """The id that a job gets here: always the same one, and in the order of theirs."""
    return f"{source}:{number:019d}"


def task_named(name: str, renamed: Mapping[str, str]) -> str:
    """What a task is called here."""
    return checked_name("task", renamed.get(name, name))


def reason_of(error: Exception) -> str:
    """Why a job is refused, in one line."""
    if not isinstance(error, Refused | PgSchedulerError):
        raise error
    return " ".join(str(error).split())
