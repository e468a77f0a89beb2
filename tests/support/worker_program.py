"""A worker in a process of its own, to be signalled, frozen and killed.

    python -m tests.support.worker_program '{"dsn": ..., "library": "asyncpg", "lease": 2}'

Prints its worker id when it is ready, "stopping" when a signal has come, and "stopped" at the end of an
orderly shutdown.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from typing import Any

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.engine import worker
from tests.support import jobs


def leave_with(parent: int) -> None:
    """End at once when the tests are gone: nobody would ever stop this process."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(3)


async def main(settings: dict[str, Any]) -> None:
    """Run until a signal comes."""

    say_who_blocks_the_loop()
    threading.Thread(target=leave_with, args=[os.getppid()], name="lifeline", daemon=True).start()
    worker.STOP_PATIENCE = float(settings.get("patience", 1))

    class Worker(Scheduler):
        LEASE_DURATION = settings.get("lease", 2)

    scheduler = Worker(
        settings["dsn"],
        library=settings.get("library", "asyncpg"),
        max_concurrent_jobs=int(settings.get("slots", 5)),
        max_crashes=int(settings.get("max_crashes", 5)),
        polling_config=PollingConfig(listen=bool(settings.get("listen", True))),
        task_modules=["tests.support.jobs"],
    )
    for job in jobs.ALL:
        scheduler.register(job)
    running = asyncio.create_task(scheduler.run(settings.get("grace", 30)))
    while not scheduler.worker.running and not running.done():
        await asyncio.sleep(0.01)
    print(scheduler.worker_id, flush=True)
    while not scheduler.is_shutting_down and not running.done():
        await asyncio.sleep(0.01)
    print("stopping", flush=True)
    await running
    print("stopped", flush=True)


def say_who_blocks_the_loop() -> None:
    """Have the warning about a blocked loop on stderr, with the job's id."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("blocked by %(job_id)s"))
    logging.getLogger("pg_scheduler.engine.leases.loop_watch").addHandler(handler)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
