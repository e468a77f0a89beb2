"""A worker process of its own: ``python -m benchmarks.worker DSN LIBRARY``; says "ready" once it listens."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks import loop
from benchmarks.frame import Bench, Database
from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library

ROOT = Path(__file__).resolve().parents[1]


async def tell_time() -> float:
    """The worker's own clock at the start of the job, as Unix time."""
    return time.time()


async def serve(dsn: str, library: Library) -> None:
    """Run jobs until SIGTERM."""
    scheduler = Scheduler.connect(dsn, library=library)
    scheduler.register(tell_time)
    announcing = asyncio.create_task(_announce(scheduler))
    await scheduler.run()
    announcing.cancel()


async def _announce(scheduler: Scheduler) -> None:
    while not scheduler.worker.listening:
        await asyncio.sleep(0.02)
    print("ready", flush=True)


@asynccontextmanager
async def worker_process(bench: Bench, database: Database) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that is ready; gone at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.worker", database.worker_dsn, bench.library),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), 30)
        if said != b"ready\n":
            raise RuntimeError(f"the worker did not start: {said!r}")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:]
    loop.run(serve(*arguments))
