"""Plays the two scenarios: pinned time that is advanced, and real time."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from pg_scheduler import Scheduler
from pg_scheduler.client.schedule_info import ScheduleInfo
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.crew import Crew
from tests.chaos.windows.clock import SharedClock
from tests.chaos.windows.findings import Findings, counted, read
from tests.chaos.windows.worker import TASK, WindowLaunch

START = datetime(2030, 1, 1, tzinfo=UTC)
KEY = "chaos"
PATIENCE = 90.0
"""Seconds for what must come true once nothing does harm any more."""
PROGRAM = "tests.chaos.windows.worker"


@dataclass(frozen=True, slots=True)
class Account:
    """What a schedule says of itself in the end."""

    mark: datetime | None
    run_count: int
    skipped: int


@dataclass(slots=True)
class Field:
    """Where windows are fought over."""

    library: Library
    rng: random.Random
    crew: Crew
    scheduler: Scheduler
    """Registers and asks; it runs nothing."""
    sql: asyncpg.Connection
    dsn: str
    journal: Path
    restarts: int = 0

    async def schedule(self, every: timedelta) -> datetime:
        """Store the schedule; the first window, as the workers have computed it."""
        await self.scheduler.initialize_db()
        await self.scheduler.add_schedule(
            TASK, key=KEY, every=every, catch_up="all", catch_up_limit=1000, overlap="allow",
            misfire_grace_time=None,
        )  # fmt: skip
        info = await self.until(lambda info: info.next_run is not None)
        assert info.next_run is not None
        # In real time a window may have passed before anybody looked.
        return info.next_run - every * info.run_count

    async def until(self, holds: Callable[[ScheduleInfo], bool]) -> ScheduleInfo:
        """The schedule as soon as something is true of it, or as it is when patience ends."""
        deadline = time.monotonic() + PATIENCE
        while True:
            info = await self._info()
            if info is not None and (holds(info) or time.monotonic() > deadline):
                return info
            self.crew.replace_deserters()
            await asyncio.sleep(0.1)

    async def _info(self) -> ScheduleInfo | None:
        try:
            return next(info for info in await self.scheduler.list_schedules() if info.key == KEY)
        except DatabaseError:
            return None  # the server is being restarted

    async def kill_now_and_then(self, low: float, high: float) -> None:
        """SIGKILL a worker by chance every `low` to `high` seconds, replace it at once; until cancelled."""
        while True:
            await asyncio.sleep(self.rng.uniform(low, high))
            self.crew.replace_deserters()
            self.crew.kill(self.rng.choice(self.crew.members))

    async def forget_schedule(self) -> Account:
        """Remove the schedule; what it said of itself at that moment. The jobs that it made stay."""
        if self.sql.is_closed():
            self.sql = await asyncpg.connect(self.dsn)
        row = await self.sql.fetchrow(
            "DELETE FROM scheduled_job_schedules WHERE schedule_key = $1"
            " RETURNING mark, run_count, skipped_count",
            KEY,
        )
        return Account(row["mark"], row["run_count"], row["skipped_count"])

    async def finish(self, move: Callable[[], None]) -> None:
        """Wait for all jobs to end, then dismiss the crew; `move` lets the leases of the dead run out."""
        deadline = time.monotonic() + PATIENCE
        unfinished = "SELECT count(*) FROM scheduled_jobs WHERE status IN ('pending', 'running')"
        while await self.sql.fetchval(unfinished) and time.monotonic() < deadline:
            move()
            await asyncio.sleep(0.3)
        await self.crew.dismiss()

    async def findings(
        self, scenario: str, seed: int, first: datetime, last: datetime, every: timedelta, account: Account
    ) -> Findings:
        """What is to be reported."""
        wanted = {first + every * number for number in range((last - first) // every + 1)}
        ran = read(self.journal)
        count = await counted(self.sql, KEY, wanted, account.run_count, account.skipped, ran)
        return Findings(
            scenario, self.library, seed, len(wanted),
            count.enqueued, count.doubled, count.missed, count.unrun,
            len(self.crew.faults), self.restarts, len(self.crew.deserted), count.unasked,
        )  # fmt: skip


@asynccontextmanager
async def open_field(
    library: Library, dsn: str, seed: int, workers: int, lease: float, pinned: bool
) -> AsyncIterator[Field]:
    with tempfile.TemporaryDirectory(prefix="windows-") as name:
        folder = Path(name)
        clock = folder / "clock"
        SharedClock.create(clock, START)
        journal = folder / "journal"
        launch = WindowLaunch(dsn, library, str(journal), lease, str(clock) if pinned else None)
        crew = Crew(launch, folder, PROGRAM)
        scheduler = launch.scheduler()
        sql = await asyncpg.connect(dsn)
        field = Field(library, random.Random(seed), crew, scheduler, sql, dsn, journal)
        try:
            await scheduler.initialize_db()
            crew.hire(workers)
            yield field
        finally:
            crew.disband()
            await scheduler.shutdown()
            await field.sql.close()


async def play_pinned(
    server: EmbeddedServer, library: Library, dsn: str, seed: int, *, windows: int = 1000, workers: int = 8,
    restart: bool = True, seconds: float = 60.0,
) -> Findings:  # fmt: skip
    """One-second windows of a clock that leaps ahead by chance; kills all the while, one crash of the server
    half-way."""
    every = timedelta(seconds=1)
    async with open_field(library, dsn, seed, workers, lease=200.0, pinned=True) as field:
        clock = field.scheduler.clock
        assert isinstance(clock, SharedClock)
        first = await field.schedule(every)
        last = first + every * (windows - 1)
        killing = asyncio.create_task(field.kill_now_and_then(0.5, 1.5))
        pace = seconds / windows
        while clock.now() < last:
            leap = min(field.rng.choice((1, 1, 2, 5, 30)), (last - clock.now()) // every + 1)
            clock.set(min(clock.now() + every * leap, last))
            await asyncio.sleep(pace * leap)
            if restart and not field.restarts and clock.now() >= first + (last - first) / 2:
                await asyncio.to_thread(server.restart, "immediate")
                field.restarts += 1
        await field.until(lambda info: info.last_run is not None and info.last_run >= last)
        killing.cancel()
        account = await field.forget_schedule()
        await field.finish(lambda: clock.set(clock.now() + timedelta(seconds=100)))
        return await field.findings("pinned", seed, first, last, every, account)


async def play_real(
    library: Library, dsn: str, seed: int, *, seconds: float = 120.0, every: float = 5.0, workers: int = 3
) -> Findings:
    """Windows of real time under kills."""
    step = timedelta(seconds=every)
    async with open_field(library, dsn, seed, workers, lease=2.0, pinned=False) as field:
        first = await field.schedule(step)
        last = first + step * max(int(seconds / every) - 1, 0)
        killing = asyncio.create_task(field.kill_now_and_then(every / 2, every * 1.5))
        while datetime.now(UTC) < last:
            await asyncio.sleep(0.1)
        killing.cancel()
        await field.until(lambda info: info.last_run is not None and info.last_run >= last)
        account = await field.forget_schedule()
        if account.mark is not None:
            last = max(last, account.mark)  # one more may have come due meanwhile
        await field.finish(lambda: None)
        return await field.findings("real time", seed, first, last, step, account)
