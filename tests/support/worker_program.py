"""A worker in a process of its own, to be signalled, frozen and killed.

    python -m tests.support.worker_program '{"dsn": ..., "library": "asyncpg", "lease": 2}'

Prints its worker id when it is ready, and "stopped" at the end of an orderly shutdown.
"""

from __future__ import annotations

import asyncio
import json
import sys

from pg_scheduler import PollingConfig, Scheduler


async def main(settings: dict[str, object]) -> None:
    """Run until a signal comes."""

    class Worker(Scheduler):
        LEASE_DURATION = settings.get("lease", 2)  # type: ignore[assignment]

    scheduler = Worker(
        settings["dsn"],
        library=str(settings.get("library", "asyncpg")),
        max_concurrent_jobs=int(settings.get("slots", 5)),  # type: ignore[call-overload]
        max_crashes=int(settings.get("max_crashes", 5)),  # type: ignore[call-overload]
        polling_config=PollingConfig(listen=bool(settings.get("listen", True))),
        task_modules=["tests.support.jobs"],
    )
    register_all(scheduler)
    running = asyncio.create_task(scheduler.run(settings.get("grace", 30)))  # type: ignore[arg-type]
    while not scheduler.worker.running and not running.done():
        await asyncio.sleep(0.01)
    print(scheduler.worker_id, flush=True)
    await running
    print("stopped", flush=True)


def register_all(scheduler: Scheduler) -> None:
    """Know every job of the module."""
    from tests.support import jobs

    for name in ("touch", "nap", "die_once", "exit_worker", "freeze_until_released", "patient_thread",
                 "square", "own_pid", "spin", "divide", "vanish", "unstorable"):  # fmt: skip
        scheduler.register(getattr(jobs, name))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
