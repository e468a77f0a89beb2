"""PgQueuer: loads and drains. Runs in its own environment."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from benchmarks import loop
from benchmarks.progress import Progress

BATCH = 500
CHUNK = 10_000


async def load(settings: dict[str, Any]) -> None:
    """Install the schema and enqueue in bulk."""
    async with asyncpg.create_pool(settings["dsn"], min_size=2) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        for begin in range(0, settings["jobs"], CHUNK):
            places = range(begin, min(begin + CHUNK, settings["jobs"]))
            payloads = [b'{"args": [%d]}' % place for place in places]
            await queries.enqueue(["noop"] * len(payloads), payloads, [0] * len(payloads))


async def drain(settings: dict[str, Any]) -> None:
    """Run no-op jobs from the barrier until standard input ends."""
    progress = Progress()
    async with asyncpg.create_pool(settings["dsn"], min_size=4) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        manager = QueueManager(queries)
        stored = queries.log_jobs

        async def counted(ended: list[Any]) -> None:
            await stored(ended)
            progress.finished(len(ended))

        queries.log_jobs = counted

        @manager.entrypoint("noop")
        async def no_op(job: Any) -> None:
            progress.started()

        async with progress.until_told():
            running = asyncio.create_task(manager.run(batch_size=BATCH))
        manager.shutdown.set()
        await running


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    loop.run(load(chosen) if chosen.get("load") else drain(chosen))
