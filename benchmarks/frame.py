"""What a part is given, and what it returns."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer

WORKER_ROLE = "bench_worker"
"""Workers log in as this role, so that the server can tell their statements from everybody else's."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Figures under a title. Rows of several libraries are joined by it."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Bench:
    """One part's turn with one library."""

    server: EmbeddedServer
    library: Library
    scale: float = 1.0
    """Share of the usual number of repetitions and jobs; tests use a small one."""
    full: bool = False
    """Whether the large tables are asked for: a million rows where there are 100,000 by default."""
    profile: str | None = None
    """A file for the cProfile statistics of the worker that drained last."""
    repeats: int | None = None
    """How often everything is measured; by default once where the scale is below 1, else three times."""
    _serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def size(self, usual: int) -> int:
        """A number of repetitions, scaled; at least 1."""
        return max(1, round(usual * self.scale))

    @property
    def rounds(self) -> int:
        """How often everything is measured; the median counts."""
        return self.repeats or (1 if self.scale < 1 else 3)

    @property
    def smoke(self) -> bool:
        """Whether this only tells that everything runs: then a few combinations stand for all."""
        return self.scale < 0.01

    async def new_database(self) -> Database:
        """A fresh, empty database that belongs to the worker's role."""
        name = f"bench_{self.library}_{next(self._serial)}"
        await self._run(f'DROP DATABASE IF EXISTS "{name}"')
        await self._run(f'CREATE DATABASE "{name}" OWNER {WORKER_ROLE}')
        admin = self.server.dsn_of(name)
        return Database(name, admin, admin.replace("postgres@", f"{WORKER_ROLE}@", 1))

    @asynccontextmanager
    async def temporary_database(self) -> AsyncIterator[Database]:
        """A fresh database that is gone at the end of the block."""
        database = await self.new_database()
        try:
            yield database
        finally:
            await self._run(f'DROP DATABASE "{database.name}" WITH (FORCE)')

    async def _run(self, sql: str) -> None:
        connection = await asyncpg.connect(self.server.dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class Database:
    """One database, seen by two users."""

    name: str
    dsn: str
    """For producers and observers."""
    worker_dsn: str
    """For workers."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to measure."""

    name: str
    summary: str
    """One line for the help."""
    reading: str
    """How to read its tables."""
    measure: Callable[[Bench], Awaitable[list[Table]]]
    by_default: bool = True
    """False for what only runs when it is named."""
    once: bool = False
    """True for what does not depend on the library."""


def joined(tables: Sequence[tuple[str, Table]]) -> list[Table]:
    """Tables of one title as one, with the library as first column."""
    rows: dict[tuple[str, tuple[str, ...]], list[tuple[Cell, ...]]] = {}
    for library, table in tables:
        rows.setdefault((table.title, table.columns), []).extend((library, *row) for row in table.rows)
    return [Table(title, ("library", *columns), found) for (title, columns), found in rows.items()]
