"""Runs that must be alone, and looking at them from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.client.source import Library
from tests.support.running import BriskScheduler, eventually

KEY = "alone"


class Gate:
    """A task whose runs stay inside until they are let out."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        """The most that were ever inside at once."""
        self.starts = 0
        self.stopped = 0
        """Runs that were cancelled inside."""
        self._open = asyncio.Event()

    def open(self) -> None:
        """Let everybody out, from now on."""
        self._open.set()

    async def run(self) -> None:
        """The task."""
        self.starts += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            self.inside -= 1


@asynccontextmanager
async def running(
    source: Any, library: Library | None, gate: Gate, contention: str = "wait", **options: Any
) -> AsyncIterator[Scheduler]:
    """A started scheduler that has a schedule, due in ages, of the gate's runs."""
    scheduler = BriskScheduler(source, library=library, **options)
    scheduler.register(gate.run, name="gated")
    async with scheduler:
        await add_schedule(scheduler, "gated", lock_contention=contention)
        try:
            yield scheduler
        finally:
            gate.open()


async def add_schedule(scheduler: Scheduler, task: str, **settings: Any) -> None:
    """A schedule whose runs need the lock; none comes due during a test."""
    await scheduler.add_schedule(
        task,
        **{
            "key": KEY,
            "every": timedelta(days=300),
            "use_advisory_lock": True,
            "overlap": "allow",
            **settings,
        },
    )


async def trigger(scheduler: Scheduler) -> str:
    """One run; its job's id."""
    job_id = await scheduler.trigger_periodic_job(KEY)
    assert job_id is not None
    return job_id


async def ended(scheduler: Scheduler, job_id: str) -> JobStatus:
    """The status that a job ends with."""
    return await scheduler.handle(job_id).wait(timeout=45)


async def lock_holder(sql: asyncpg.Connection) -> int:
    """Pid of the backend that holds the run's lock, once one does."""

    async def look() -> int | None:
        found = await sql.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return found[0]["pid"] if len(found) == 1 else None

    return await eventually(look)


def at_once(path: Path, killed: tuple[int, ...] = ()) -> int:
    """The most runs that the journal of `tests.support.jobs.nap` shows at once; a run of a killed process is
    over when the next one starts."""
    inside: set[int] = set()
    most = 0
    for line in path.read_text().splitlines():
        event, pid = line.split()
        if event == "started":
            assert int(pid) not in inside, "two runs in one process at once"
            inside -= set(killed)
            inside.add(int(pid))
        else:
            inside.discard(int(pid))
        most = max(most, len(inside))
    return most
