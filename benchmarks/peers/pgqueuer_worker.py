"""PgQueuer: loads, stores and drains. Runs in its own environment."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from benchmarks.peers.roles import Store, play, store_all, store_when_told
from benchmarks.progress import Progress

BATCH = 500
CHUNK = 10_000


def enqueue_many(queries: Queries) -> Store:
    """Its bulk call."""

    async def store(places: range) -> None:
        payloads = [b'{"args": [%d]}' % place for place in places]
        await queries.enqueue(["noop"] * len(payloads), payloads, [0] * len(payloads))

    return store


async def load(settings: dict[str, Any]) -> None:
    """Install the schema and enqueue in bulk."""
    async with asyncpg.create_pool(settings["dsn"], min_size=2) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        await store_all(settings["jobs"], CHUNK, enqueue_many(queries))


async def single(settings: dict[str, Any]) -> None:
    """One call at a time, on one connection, as its documentation has it."""
    connection = await asyncpg.connect(settings["dsn"])
    queries = Queries(AsyncpgDriver(connection))

    async def store(places: range) -> None:
        await queries.enqueue("noop", b'{"args": [%d]}' % places[0], 0)

    await store_when_told(settings["jobs"], 1, store)
    await connection.close()


async def bulk(settings: dict[str, Any]) -> None:
    """Many jobs with each call, on one connection."""
    connection = await asyncpg.connect(settings["dsn"])
    await store_when_told(settings["jobs"], CHUNK, enqueue_many(Queries(AsyncpgDriver(connection))))
    await connection.close()


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
    play({"load": load, "single": single, "bulk": bulk, "drain": drain})
