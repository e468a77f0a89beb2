"""One worker process: ``python -m tests.chaos.worker '{"dsn": ...}'``, started by the crew."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from pg_scheduler import Scheduler
from tests.chaos.journal import Journal
from tests.chaos.tasks import Witness, work


@dataclass(frozen=True, slots=True)
class Launch:
    """What a worker process is told."""

    dsn: str
    library: str
    journal: str
    lease: float
    """Seconds."""

    def text(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Launch:
        """The inverse of `text`."""
        return cls(**json.loads(text))


class ChaosScheduler(Scheduler):
    """A scheduler whose leases end while one watches."""


def die_with_parent() -> None:
    """Leave at once when the harness is gone: it holds the other end of our standard input."""

    def watch() -> None:
        # Not through sys.stdin, whose lock this thread would hold when the interpreter ends.
        os.read(0, 1)
        os._exit(3)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


async def serve(launch: Launch) -> None:
    """Run jobs until SIGTERM."""
    ChaosScheduler.LEASE_DURATION = launch.lease
    ChaosScheduler.HEARTBEAT_THRESHOLD = 2 * launch.lease
    journal = Journal(Path(launch.journal))
    # A job that is hit by kill after kill must still be completed one day: no crash budget here.
    scheduler = ChaosScheduler.connect(
        launch.dsn, library=launch.library, max_crashes=100_000, observers=[Witness(journal)]
    )
    journal.worker_id = scheduler.worker_id
    scheduler.register(work)
    await scheduler.run(shutdown_timeout=20)


if __name__ == "__main__":
    die_with_parent()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(Launch.of(sys.argv[1])))
