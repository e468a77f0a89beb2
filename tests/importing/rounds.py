"""One round: a rival's workers drain, jobs are moved beside them, and our worker runs what was moved."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import asyncpg

from pg_scheduler import Job, PgQueuer, Scheduler
from pg_scheduler_import import Counts, move_jobs
from tests.importing.rivals import Rival

TABLE = "CREATE TABLE ran (number integer NOT NULL, by text NOT NULL)"
BEGUN = 20
"""Jobs that the rival has run when the import begins."""
PATIENCE = 120.0
"""Seconds of a round."""


@dataclass(frozen=True, slots=True)
class Round:
    """What came of it."""

    jobs: int
    counts: Counts
    runs: Counter[int]
    by: Counter[str]

    @property
    def wrong(self) -> str:
        """What must not be; empty if all is well."""
        lost = [number for number in range(self.jobs) if not self.runs[number]]
        doubled = sorted(number for number, runs in self.runs.items() if runs > 1)
        return f"lost {lost[:5]}, doubled {doubled[:5]}" if lost or doubled else ""

    def __str__(self) -> str:
        refused = len(self.counts.refusals)
        return (
            f"{self.jobs} jobs: {self.by['theirs']} run there, {self.by['ours']} here; "
            f"moved {self.counts.imported} of {self.counts.seen}, refused {refused}"
        )


async def play(rival: Rival, dsn: str, jobs: int, workers: int = 4, batch: int = 50) -> Round:
    """Move jobs while so many workers of the rival drain; return once every job has run."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLE)
    await rival.load(dsn, jobs)
    scheduler = Scheduler.connect(dsn)
    _knows_the_task(scheduler, rival, dsn)
    async with asyncio.timeout(PATIENCE), rival.workers(dsn, workers), scheduler:
        while await connection.fetchval("SELECT count(*) FROM ran") < BEGUN:
            await asyncio.sleep(0.01)
        theirs = await asyncpg.connect(dsn)
        counts = await move_jobs(scheduler.client, theirs, rival.table(), batch=batch)
        await theirs.close()
        while await connection.fetchval("SELECT count(DISTINCT number) FROM ran") < jobs:
            await asyncio.sleep(0.05)
        await _nothing_unfinished(connection)
    rows = await connection.fetch("SELECT number, by FROM ran")
    await connection.close()
    return Round(jobs, counts, Counter(row["number"] for row in rows), Counter(row["by"] for row in rows))


async def _nothing_unfinished(connection: asyncpg.Connection) -> None:
    """Return once our table holds no unfinished job: a job that would run again has had the time to."""
    unfinished = "SELECT count(*) FROM scheduled_jobs WHERE status IN ('pending', 'running')"
    while await connection.fetchval(unfinished):
        await asyncio.sleep(0.05)


def _knows_the_task(scheduler: Scheduler, rival: Rival, dsn: str) -> None:
    """The same function as theirs: an entrypoint with a payload, or a task with an argument."""

    async def note(number: int) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute("INSERT INTO ran (number, by) VALUES ($1, 'ours')", number)
        await connection.close()

    if rival.name == "procrastinate":
        scheduler.register(note, name="note")
        return

    @PgQueuer(scheduler).entrypoint("note")
    async def of_payload(job: Job) -> None:
        await note(int(job.payload or b""))
