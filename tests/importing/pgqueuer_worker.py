"""PgQueuer's own producer and worker. Runs in its own environment: ``DSN load 1000`` or ``DSN work``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import asyncpg
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries


async def load(dsn: str, jobs: int) -> None:
    """Install its tables, and enqueue so many jobs: of three priorities, some in a minute."""
    async with asyncpg.create_pool(dsn, min_size=1) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        numbers = range(jobs)
        payloads = [str(number).encode() for number in numbers]
        await queries.enqueue(["note"] * jobs, payloads, [number % 3 for number in numbers])


async def work(dsn: str) -> None:
    """Note each job, until killed."""
    async with asyncpg.create_pool(dsn, min_size=2, max_size=4) as pool:
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))

        @manager.entrypoint("note")
        async def note(job: Any) -> None:
            await pool.execute("INSERT INTO ran (number, by) VALUES ($1, 'theirs')", int(job.payload))
            await asyncio.sleep(0.02)

        await manager.run(batch_size=5)


if __name__ == "__main__":
    _, dsn, role, *numbers = sys.argv
    asyncio.run(load(dsn, int(numbers[0])) if role == "load" else work(dsn))
