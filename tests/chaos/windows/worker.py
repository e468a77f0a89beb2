"""One worker process: ``python -m tests.chaos.windows.worker '{"dsn": ...}'``, started by the crew."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pg_scheduler import Scheduler, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.ports.schedule_store import Advance
from tests.chaos.windows.clock import SharedClock
from tests.chaos.worker import die_with_parent

TASK = "window_of_the_harness"


@dataclass(frozen=True, slots=True)
class WindowLaunch:
    """What a worker process is told."""

    dsn: str
    library: Library
    journal: str
    lease: float
    """Seconds by the clock in use."""
    clock: str | None = None
    """The shared clock's file; None for real time."""
    lag: float = 0.0
    """Seconds between looking at a schedule and offering its next window."""

    def text(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))

    def scheduler(self) -> Scheduler:
        """A scheduler on this launch's database and time; nothing is ever deleted, no crash is too many."""

        class WindowScheduler(Scheduler):
            LEASE_DURATION = self.lease
            HEARTBEAT_THRESHOLD = 2 * self.lease

        return WindowScheduler(
            self.dsn,
            library=self.library,
            clock=SharedClock(Path(self.clock)) if self.clock else None,
            max_crashes=100_000,
            vacuum_enabled=False,
        )


def _make_late(scheduler: Scheduler, lag: float) -> None:
    """Let each look at a schedule be so many seconds old when it is acted on."""
    prompt = scheduler.driver.schedules.advance_schedules

    async def late(steps: Sequence[Advance], *, now: datetime | None = None) -> list[bool]:
        await asyncio.sleep(lag)
        answers = await prompt(steps, now=now)
        for counts in answers:
            logging.getLogger("chaos").warning("late offer taken" if counts else "late offer refused")
        return answers

    scheduler.driver.schedules.advance_schedules = late  # type: ignore[method-assign]


async def serve(launch: WindowLaunch) -> None:
    """Run windows until SIGTERM. Each leaves the id of its job as a line of the journal, which the system
    under test never sees."""
    journal = os.open(launch.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def log_window() -> None:
        os.write(journal, f"{current_job().job_id}\n".encode())

    scheduler = launch.scheduler()
    if launch.lag:
        _make_late(scheduler, launch.lag)
    scheduler.register(log_window, name=TASK)
    while True:
        try:
            return await scheduler.run(shutdown_timeout=10)
        except ConnectionLost:  # the server is down just now; a supervisor would start us again
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    die_with_parent()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(WindowLaunch(**json.loads(sys.argv[1]))))
