"""The cases that each handle must stand. None of them may leave a job that nobody has committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from pg_scheduler import Borrowed, DatabaseUnavailable, InvalidInput, JobAlreadyExists
from tests.adapters.handles.held import Held, Open, soon_done

Store = Callable[[str, object], Awaitable[object]]
"""Stores a job of this id by ``connection=``."""
Case = Callable[[Open, Store, str], Awaitable[None]]


def stored(dsn: str) -> list[str]:
    """The jobs that others see, which are deleted then."""
    with psycopg.connect(dsn, autocommit=True) as beside:
        rows = beside.execute("DELETE FROM scheduled_jobs RETURNING job_id").fetchall()
    return sorted(row[0] for row in rows)


async def committed_as_the_first_statement(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        await held.begin()
        await store("a", held.connection)
        await held.commit()
    assert stored(dsn) == ["a"]


async def rolled_back_as_the_first_statement(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        await held.begin()
        await store("a", held.connection)
        assert stored(dsn) == []
        await held.rollback()
    assert stored(dsn) == []


async def among_others(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        for end, left in ((held.rollback, []), (held.commit, ["a"])):
            await held.begin()
            await held.run("SELECT 1")
            await store("a", held.connection)
            await held.run("SELECT 1")
            await end()
            assert stored(dsn) == left


async def savepoint(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        await held.begin()
        await held.run("SAVEPOINT ours")
        await store("undone", held.connection)
        await held.run("ROLLBACK TO SAVEPOINT ours")
        await store("kept", held.connection)
        await held.commit()
    assert stored(dsn) == ["kept"]


async def duplicate_inside(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        await held.begin()
        await store("a", held.connection)
        with pytest.raises(JobAlreadyExists):
            await store("a", held.connection)
        await held.run("SELECT 1")
        await store("b", held.connection)
        await held.commit()
    assert stored(dsn) == ["a", "b"]


async def at_once(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, True) as held:
        with pytest.raises(InvalidInput, match="no transaction open"):
            await store("refused", held.connection)
        if held.works_alone:
            await store("meant", Borrowed(held.connection, autocommit=True))
            assert stored(dsn) == ["meant"]
    assert stored(dsn) == []


async def closed(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        await held.begin()
        await held.run("SELECT 1")
        await held.rollback()
        await held.close()
        with pytest.raises(InvalidInput, match="connection: "):
            await store("a", held.connection)
    assert stored(dsn) == []


async def used_by_another_task(opened: Open, store: Store, dsn: str) -> None:
    """It is refused, or waits; it is never committed alone."""
    async with opened(dsn, False) as held:
        await held.begin()
        await held.run("SELECT 1")
        busy = asyncio.create_task(held.run("SELECT pg_sleep(0.1)"))
        await asyncio.sleep(0)
        try:
            await store("a", held.connection)
        except InvalidInput as refused:
            assert "task" in str(refused)  # noqa: PT017 - it need not be refused
        await soon_done(busy)
        await held.rollback()
    assert stored(dsn) == []


async def read_only(opened: Open, store: Store, dsn: str) -> None:
    async with opened(dsn, False) as held:
        await held.begin()
        await held.run("SET TRANSACTION READ ONLY")
        with pytest.raises(DatabaseUnavailable, match="READ ONLY: jobs are stored on the primary"):
            await store("a", held.connection)
        await held.rollback()
    assert stored(dsn) == []


CASES: tuple[Case, ...] = (
    committed_as_the_first_statement,
    rolled_back_as_the_first_statement,
    among_others,
    savepoint,
    duplicate_inside,
    at_once,
    closed,
    read_only,
)
"""For every handle. That psycopg2 is refused is a test of its own."""

__all__ = ["CASES", "Case", "Held", "Store", "stored", "used_by_another_task"]
