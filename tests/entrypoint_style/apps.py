"""A worker process, to be killed: ``python -m tests.entrypoint_style.apps DSN LIBRARY FILE``."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pg_scheduler import Job, PgQueuer, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.executors import RetryWithBackoffEntrypointExecutor

PATIENT = partial(
    RetryWithBackoffEntrypointExecutor, max_attempts=3, initial_delay=3600, max_delay=3600, max_time=36_000
)
"""Its delays are longer than any process should hold a job."""


def create(dsn: str, library: Library, notes: str) -> PgQueuer:
    """An application whose only job fails the first time."""
    pgq = PgQueuer(Scheduler(dsn, library=library, periodic_jobs_enabled=False))

    @pgq.entrypoint("shaky", executor_factory=PATIENT)
    async def shaky(job: Job) -> None:
        with Path(notes).open("a") as file:  # noqa: ASYNC230 - one line
            file.write(f"attempt {job.attempt}\n")
        if job.attempt == 1:
            raise OSError("not yet")

    return pgq


if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:4]
    asyncio.run(create(*arguments).run())
