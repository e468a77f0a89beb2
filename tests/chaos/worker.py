"""One worker process: ``python -m tests.chaos.worker '{"dsn": ...}'``, started by the crew."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from pg_scheduler import Scheduler, VacuumConfig, VacuumPolicy
from pg_scheduler.client.batch_limit import UNSAID
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.client.source import Library, Source
from pg_scheduler.engine.schedules import registrar
from pg_scheduler.engine.tasks.registry import TaskOptions
from tests.chaos.few_connections import few_connections
from tests.chaos.journal import Entry, Journal
from tests.chaos.releases import RELEASES
from tests.chaos.tasks import LIMITS, TASKS, Witness, lend, tick

SCHEDULE = "of the harness"
BESIDE = "beside that of the harness"
TRIM_INTERVAL = 5.0
AT_ONCE = VacuumPolicy.immediate()


@dataclass(frozen=True, slots=True)
class Launch:
    """What a worker process is told."""

    dsn: str
    library: Library
    journal: str
    lease: float
    """Seconds."""
    capacity: int = 25
    batch: int | None = None
    """Most jobs of one claim; None: as a scheduler decides that nobody has told."""
    max_crashes: int = 100_000
    """A job that is hit by kill after kill must still be completed one day: no crash budget here."""
    grace: float = 20.0
    """Seconds that jobs get to end after SIGTERM."""
    renews: bool = True
    """False: leases are never renewed, so that they run out while jobs run."""
    tasks: tuple[str, ...] = tuple(TASKS)
    """What this version of the program knows."""
    every: float | None = None
    """Seconds between the windows of the schedule that this version of the program has."""
    beside: bool = False
    """True: there is another schedule, of the same windows."""
    release: str | None = None
    """Which release of the program this is, in `releases`."""
    keep: bool = True
    """False: completed and failed jobs are deleted when they end."""
    trims: bool = False
    """True: what the C library holds free is given back to the system now and then, so that the process is as
    large as what it uses."""

    def text(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Launch:
        """The inverse of `text`."""
        return cls(**json.loads(text))


class ChaosScheduler(Scheduler):
    """A scheduler whose leases end while one watches."""

    journal: Journal

    def announce(self) -> None:
        """Tell the journal who this is, in which process. A fork says it anew."""
        self.journal.belongs_to(self.worker_id)
        self.journal.write(Entry.UP, "-", 0)


def die_with_parent() -> None:
    """Leave at once when the harness is gone: it holds the other end of our standard input."""

    def watch() -> None:
        # Not through sys.stdin, whose lock this thread would hold when the interpreter ends.
        os.read(0, 1)
        os._exit(3)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def schedule_of(every: float, key: str = SCHEDULE) -> ScheduleRequest:
    """The schedule that programs have in their code: every window of it is wanted."""
    return ScheduleRequest(
        task=tick,
        every=timedelta(seconds=every),
        key=key,
        catch_up="all",
        catch_up_limit=1000,
        overlap="allow",
        misfire_grace_time=None,
    )


def scheduler_for(launch: Launch, source: Source | None = None) -> ChaosScheduler:
    """A scheduler that does as the launch says and tells the journal; on the database of the launch, or on
    what is given in its place."""
    ChaosScheduler.LEASE_DURATION = launch.lease
    ChaosScheduler.HEARTBEAT_THRESHOLD = 2 * launch.lease
    journal = Journal(Path(launch.journal))
    scheduler = ChaosScheduler(
        source or launch.dsn,
        launch.capacity,
        library=None if source else launch.library,
        batch_claim_limit=UNSAID if launch.batch is None else launch.batch,
        max_crashes=launch.max_crashes,
        vacuum_config=None if launch.keep else VacuumConfig(completed=AT_ONCE, failed=AT_ONCE),
        observers=[Witness(journal)],
    )
    scheduler.journal = journal
    scheduler.announce()
    for name in launch.tasks:
        function, executor = TASKS[name]
        scheduler.register_task(function, TaskOptions(executor=executor, limits=LIMITS.get(name)))
    # Versions that live side by side confirm their schedules again and again.
    registrar.INTERVAL = 0.5
    if launch.every is not None:
        scheduler.schedules.adopt(schedule_of(launch.every))
    if launch.every is not None and launch.beside:
        scheduler.schedules.adopt(schedule_of(launch.every, BESIDE))
    if launch.release is not None:
        RELEASES[launch.release].adopt(scheduler)
    lend(scheduler)
    if not launch.renews:
        scheduler.worker.services.reclaimer._renew_own = _renew_nothing
        scheduler.worker.services.lease_keeper.keep = asyncio.Event().wait  # type: ignore[method-assign, assignment]
    return scheduler


async def _renew_nothing() -> None:
    """A worker that lets its leases end lets them end however they could be renewed."""


def trim_for_ever() -> None:
    """Give free memory back; where the C library cannot, nothing happens."""

    def trim() -> None:
        give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
        while give_back is not None:
            time.sleep(TRIM_INTERVAL)
            give_back(0)

    threading.Thread(target=trim, name="trim", daemon=True).start()


async def serve(launch: Launch) -> None:
    """Run jobs until SIGTERM."""
    if launch.trims:
        trim_for_ever()
    async with few_connections(launch.dsn, launch.library) as source:
        await scheduler_for(launch, source).run(shutdown_timeout=launch.grace)


if __name__ == "__main__":
    die_with_parent()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(Launch.of(sys.argv[1])))
