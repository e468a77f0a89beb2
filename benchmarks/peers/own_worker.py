"""Ours in the roles of the peers, for what is measured in processes of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from benchmarks.loads import due_specs
from benchmarks.noop import no_op
from benchmarks.peers.roles import play, send_when_told, store_when_told, until_input_ends
from benchmarks.pools import pool_of
from benchmarks.progress import say
from pg_scheduler import Scheduler

_started = 0


async def tell_start() -> None:
    """Says when it starts, on the clock that all processes share."""
    global _started
    now, _started = time.monotonic(), _started + 1
    say(started=now, done=_started)


@asynccontextmanager
async def producer(settings: dict[str, Any]) -> AsyncIterator[Scheduler]:
    """A scheduler that runs nothing, by a DSN or on a user's pool of one connection."""
    dsn, library = settings["dsn"], settings["library"]
    if settings.get("by_dsn"):
        scheduler = Scheduler(dsn, library=library)
        yield scheduler
        await scheduler.shutdown()
        return
    async with pool_of(library, dsn, 1) as pool:
        scheduler = Scheduler(pool, library=library)
        yield scheduler
        await scheduler.shutdown()


async def single(settings: dict[str, Any]) -> None:
    """One call at a time."""
    async with producer(settings) as scheduler:

        async def store(places: range) -> None:
            await scheduler.schedule(no_op, execution_time=datetime.now(UTC), args=(places[0],))

        await store_when_told(settings["jobs"], 1, store)


async def bulk(settings: dict[str, Any]) -> None:
    """All with one call, the making of the specs included."""
    async with producer(settings) as scheduler:

        async def store(places: range) -> None:
            await scheduler.schedule_bulk(due_specs(len(places)))

        await store_when_told(settings["jobs"], settings["jobs"], store)


async def pickup(settings: dict[str, Any]) -> None:
    """Run jobs that tell when they start."""
    async with Scheduler.connect(settings["dsn"], library=settings["library"]) as scheduler:
        scheduler.register(tell_start)
        while not scheduler.worker.listening:
            await asyncio.sleep(0.02)
        print("ready", flush=True)
        await until_input_ends()


async def send(settings: dict[str, Any]) -> None:
    """Schedule a job whenever told."""
    async with producer({**settings, "by_dsn": True}) as scheduler:
        await send_when_told(lambda: scheduler.schedule(tell_start, execution_time=datetime.now(UTC)))


if __name__ == "__main__":
    play({"single": single, "bulk": bulk, "pickup": pickup, "send": send})
