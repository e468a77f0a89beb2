"""One drain, ours or the reference's, on a database of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from benchmarks import reference
from benchmarks.crew import Drained, crew
from benchmarks.frame import Bench, Database
from benchmarks.loads import installed, load_due, settle_down

REFERENCE_BATCH = 500

Prepare = Callable[[Bench, Database, int], Awaitable[None]]
"""Loads so many due jobs, and whatever else the figure is about."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the workers are set up."""

    name: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    """Arguments of `Scheduler`; what is left out has its default."""
    watched: str = "as usual"
    """By whom: ``as usual`` is by the worker's own figures, ``by nobody`` without them, ``by all`` with
    metrics and an observer of events besides."""


DEFAULTS = Setting("defaults (25 at once, claims that adapt)")
SMALL = Setting("claims of 10, 25 at once", {"batch_claim_limit": 10})
BEST = Setting("claims of 500, 1000 at once", {"batch_claim_limit": 500, "max_concurrent_jobs": 1000})


async def drained(
    bench: Bench,
    jobs: int,
    setting: Setting = BEST,
    processes: int = 1,
    immediate: bool = False,
    prepare: Prepare = load_due,
) -> Drained:
    """Our drain of so many jobs, all of them due before the barrier is lifted."""
    async with bench.temporary_database() as database:
        await installed(bench, database)
        await prepare(bench, database, jobs)
        await settle_down(database)
        return await drain_of(bench, database, jobs, setting, processes, immediate)


async def drain_of(
    bench: Bench,
    database: Database,
    jobs: int,
    setting: Setting = BEST,
    processes: int = 1,
    immediate: bool = False,
    limited: bool = False,
) -> Drained:
    """Our drain of so many jobs that are due in this database. Only if `limited` do the workers know limited
    tasks."""
    wanted = {
        "dsn": database.worker_dsn,
        "library": bench.library,
        "options": setting.options,
        "watched": setting.watched,
        "immediate": immediate,
        "limited": limited,
        "profile": bench.profile,
    }
    async with crew(database, "benchmarks.drain_worker", [wanted] * processes) as gang:
        return await gang.drain(jobs)


async def reference_drained(bench: Bench, jobs: int, processes: int = 1, immediate: bool = False) -> Drained:
    """The reference's drain of as many jobs."""
    async with bench.temporary_database() as database:
        await reference.create(database.dsn)
        connection = await asyncpg.connect(database.dsn)
        try:
            await reference.copy(connection, reference.records(jobs))
        finally:
            await connection.close()
        await settle_down(database)
        wanted = {"dsn": database.dsn, "batch": REFERENCE_BATCH, "immediate": immediate}
        async with crew(database, "benchmarks.reference_worker", [wanted] * processes) as gang:
            return await gang.drain(jobs)
