"""Everything is off for a day: workers are killed, the server crashes, all come back 24 hours later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from pg_scheduler import JobSpec, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.schedule import CatchUp
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.crew import Crew
from tests.chaos.false_time import FalseTime
from tests.chaos.table import Table
from tests.chaos.tasks import tick, work
from tests.chaos.worker import Launch
from tests.support.databases import new_database

DAY = timedelta(days=1)
EVERY = timedelta(minutes=5)
LIMITS = {"all": 1000, "latest": 100, "none": 100}
RUNNING, DUE_MEANWHILE = 20, 50
PATIENCE = 60.0
WORKERS = 3


@dataclass(frozen=True, slots=True)
class Downtime:
    """What came of a day without anybody there."""

    jobs: int
    incomplete: int
    """Jobs that were running or became due, and are not completed."""
    recovered: int
    """Jobs that ran when everything ended."""
    missed: int
    doubled: int
    wrong: tuple[str, ...]
    """Where a schedule did not do what its policy says."""


async def play_downtime(library: Library, folder: Path) -> Downtime:
    """With a server and a clock of its own.

    Raises:
        NoFalseTime: this machine's clocks cannot be moved.
    """
    clock = FalseTime(folder)
    with clock.for_children():
        server = EmbeddedServer(settings={"fsync": "off", "full_page_writes": "off"})
        await asyncio.to_thread(server.start)
        try:
            return await _play(server, clock, library, folder)
        finally:
            await asyncio.to_thread(server.stop)


async def _play(server: EmbeddedServer, clock: FalseTime, library: Library, folder: Path) -> Downtime:
    dsn = await new_database(server)
    launch = Launch(dsn, library, str(folder / "journal"), 2.0, tasks=("work", "tick"))
    crew = Crew(launch, folder)
    try:
        await _until_in_full_swing(dsn, library, crew)
        crew.disband()
        await asyncio.to_thread(server.halt, "immediate")
        clock.set(DAY.total_seconds())
        await asyncio.to_thread(server.start_again)
        crew.hire(WORKERS)
        connection = await asyncpg.connect(dsn)
        try:
            return await _after(Table(connection), crew)
        finally:
            await connection.close()
    finally:
        crew.disband()


async def _until_in_full_swing(dsn: str, library: Library, crew: Crew) -> None:
    """Return when jobs run, others wait for their time, and each schedule knows its first window."""
    scheduler = Scheduler(dsn, library=library, misfire_grace_time=None)
    try:
        await scheduler.initialize_db()
        now = datetime.now(UTC)
        await scheduler.schedule_bulk(
            [JobSpec(func=work, execution_time=now, args=(60_000,)) for _ in range(RUNNING)]
            + [
                JobSpec(func=work, execution_time=now + DAY * (n + 1) / (DUE_MEANWHILE + 1), args=(1,))
                for n in range(DUE_MEANWHILE)
            ]
        )
        for policy, limit in LIMITS.items():
            await scheduler.add_schedule(
                tick, key=policy, every=EVERY, catch_up=CatchUp(policy), catch_up_limit=limit,
                overlap="allow", misfire_grace_time=1,
            )  # fmt: skip
        crew.hire(WORKERS)

        async def ready() -> bool:
            known = [info.next_run for info in await scheduler.list_schedules()]
            return all(known) and await running() == RUNNING

        connection = await asyncpg.connect(dsn)

        async def running() -> int:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM scheduled_jobs WHERE status = 'running'"
            )
            return count

        try:
            await _until(ready)
        finally:
            await connection.close()
    finally:
        await scheduler.shutdown()


async def _after(table: Table, crew: Crew) -> Downtime:
    # The jobs that ran take a minute, again: they are recovered when they have begun a second time.
    recovered = "SELECT count(*) FROM scheduled_jobs WHERE crash_count = 1 AND attempt_count = 2"
    open_jobs = "SELECT count(*) FROM scheduled_jobs WHERE status <> 'completed' AND crash_count = 0"

    async def settled() -> bool:
        done = await table.value(recovered) == RUNNING and not await table.value(open_jobs)
        marks = await table.value(
            "SELECT count(*) FROM scheduled_job_schedules WHERE mark > now() - $1::interval * 1.1", EVERY
        )
        return bool(done and marks == len(LIMITS))

    await _until(settled)
    found = {key: await table.windows(key) for key in LIMITS}
    wrong = []
    caught_up = len(found["all"].stored)
    if not DAY // EVERY - 1 <= caught_up <= DAY // EVERY + 1:
        wrong.append(f"catch-up of all windows made {caught_up} jobs")
    for key, most in (("latest", 2), ("none", 1)):
        # One more where a window came due after the return.
        if len(found[key].stored) > most or (key == "latest" and not found[key].stored):
            wrong.append(f"catch-up {key!r} made {len(found[key].stored)} jobs")
        if found[key].skipped + len(found[key].stored) != caught_up:
            wrong.append(f"catch-up {key!r} does not account for its windows")
    result = Downtime(
        jobs=RUNNING + DUE_MEANWHILE + sum(len(one.stored) for one in found.values()),
        incomplete=await table.value(open_jobs) + RUNNING - await table.value(recovered),
        recovered=await table.value(recovered),
        missed=found["all"].missed(EVERY) + found["all"].skipped,
        doubled=sum(one.doubled for one in found.values()),
        wrong=tuple(wrong),
    )
    crew.disband()
    return result


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await holds() and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
