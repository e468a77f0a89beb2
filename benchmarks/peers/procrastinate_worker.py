"""Procrastinate: loads, stores and drains. Runs in its own environment."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from procrastinate import App, PsycopgConnector

from benchmarks.peers.roles import Store, play, store_all, store_when_told
from benchmarks.progress import Progress

CONCURRENCY = 20
CHUNK = 1_000

progress = Progress()
# It warns of an app in the main module, which is what a script of this kind has.
logging.getLogger("procrastinate").setLevel(logging.ERROR)


def app_for(dsn: str, **pool: int) -> App:
    """An app with the task."""
    app = App(connector=PsycopgConnector(conninfo=dsn, **pool))

    @app.task(name="noop")
    async def no_op(number: int) -> None:
        progress.started()

    return app


def defer_many(app: App) -> Store:
    """Its bulk call."""

    async def store(places: range) -> None:
        await app.tasks["noop"].batch_defer_async(*({"number": place} for place in places))

    return store


async def load(settings: dict[str, Any]) -> None:
    """Install the schema and defer in batches."""
    app = app_for(settings["dsn"])
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await store_all(settings["jobs"], CHUNK, defer_many(app))


async def single(settings: dict[str, Any]) -> None:
    """One call at a time, on its own pool."""
    app = app_for(settings["dsn"])

    async def store(places: range) -> None:
        await app.tasks["noop"].defer_async(number=places[0])

    async with app.open_async():
        await store_when_told(settings["jobs"], 1, store)


async def bulk(settings: dict[str, Any]) -> None:
    """Many jobs with each call."""
    app = app_for(settings["dsn"])
    async with app.open_async():
        await store_when_told(settings["jobs"], CHUNK, defer_many(app))


async def drain(settings: dict[str, Any]) -> None:
    """Run no-op jobs from the barrier until standard input ends."""
    app = app_for(settings["dsn"], min_size=CONCURRENCY, max_size=CONCURRENCY + 2)
    async with app.open_async():
        stored = app.job_manager.finish_job

        async def counted(*arguments: Any, **named: Any) -> None:
            await stored(*arguments, **named)
            progress.finished()

        app.job_manager.finish_job = counted
        async with progress.until_told():
            running = asyncio.create_task(
                app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)
            )
        running.cancel()
        await asyncio.wait({running})


if __name__ == "__main__":
    play({"load": load, "single": single, "bulk": bulk, "drain": drain})
