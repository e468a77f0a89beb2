"""A worker of schedules: ``python -m benchmarks.periodic_worker SETTINGS``; tells how late its jobs start."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from benchmarks import loop
from benchmarks.drain_worker import Counting, scheduler_for
from benchmarks.progress import Progress, say
from pg_scheduler import current_job

_late: list[float] = []


async def tick() -> None:
    """Note how long after its due time this job starts, by the worker's clock."""
    _late.append(time.time() - current_job().execution_time.timestamp())


async def work(settings: dict[str, Any]) -> None:
    """Run the schedules' jobs from the barrier until standard input ends."""
    progress = Progress()
    scheduler = scheduler_for(settings, observers=[Counting(progress)])
    scheduler.register(tick)
    await scheduler.open()
    async with progress.until_told():
        await scheduler.start()
    await scheduler.shutdown()
    say(late=_late)


if __name__ == "__main__":
    loop.run(work(json.loads(sys.argv[1])))
