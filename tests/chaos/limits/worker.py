"""One worker process: ``python -m tests.chaos.limits.worker '{"dsn": ...}'``, started by the crew."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from dataclasses import asdict, dataclass

from pg_scheduler import PgQueuer
from pg_scheduler.client.source import Library
from pg_scheduler.models import Job
from tests.chaos.limits.journal import Journal
from tests.chaos.worker import die_with_parent

FEW, KEYED, PACED = "few", "keyed", "paced"
"""At most so many at once; one at a time per key; so many starts per second."""
CONCURRENCY = 3
RATE = 50.0


@dataclass(frozen=True, slots=True)
class LimitsLaunch:
    """What a worker process is told."""

    dsn: str
    library: Library
    journal: str
    lease: float
    """Seconds."""

    def text(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))


def application(launch: LimitsLaunch) -> PgQueuer:
    """Three limited entrypoints, whose jobs take as many milliseconds as their payload says."""
    journal = Journal(launch.journal)
    queue = PgQueuer(launch.dsn, library=launch.library, max_crashes=100_000)

    async def work(job: Job) -> None:
        about = (job.id, job.entrypoint, job.limit_key or "-")
        journal.write("start", *about)
        await asyncio.sleep(int(job.payload or b"0") / 1000)
        journal.write("end", *about)

    queue.entrypoint(FEW, concurrency_limit=CONCURRENCY, retry_timer=launch.lease)(work)
    queue.entrypoint(KEYED, serialized_dispatch=True)(work)
    queue.entrypoint(PACED, requests_per_second=RATE)(work)
    return queue


async def serve(launch: LimitsLaunch) -> None:
    """Run jobs until SIGTERM."""
    queue = application(launch)
    running = asyncio.create_task(queue.run(shutdown_timeout=20))
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, lambda: asyncio.ensure_future(queue.shutdown(20))
    )
    await running


if __name__ == "__main__":
    die_with_parent()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(LimitsLaunch(**json.loads(sys.argv[1]))))
