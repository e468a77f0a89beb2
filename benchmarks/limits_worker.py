"""A worker process that drains beside limited jobs: ``python -m benchmarks.limits_worker SETTINGS``, as
`drain_worker`, and knows the limited task as well."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks import loop
from benchmarks.drain_worker import Counting, scheduler_for
from benchmarks.noop import no_op
from benchmarks.progress import Progress
from pg_scheduler import QueueManager

LIMITED = "limited"
CONCURRENCY = 3


async def nothing(job: object) -> None:
    """Never called in a drain: the task is full, or paused."""


async def work(settings: dict[str, Any]) -> None:
    """Run no-op jobs from the barrier until standard input ends."""
    progress = Progress()
    scheduler = scheduler_for(settings, observers=[Counting(progress)])
    scheduler.register(no_op)
    QueueManager(scheduler).entrypoint(LIMITED, concurrency_limit=settings["concurrency"])(nothing)
    await scheduler.open()
    async with progress.until_told():
        await scheduler.start()
    await scheduler.shutdown()


if __name__ == "__main__":
    loop.run(work(json.loads(sys.argv[1])))
