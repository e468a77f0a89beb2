"""Procrastinate: loads and drains. Runs in its own environment."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

from procrastinate import App, PsycopgConnector

from benchmarks import loop
from benchmarks.progress import Progress

CONCURRENCY = 20
CHUNK = 1_000

progress = Progress()
# It warns of an app in the main module, which is what a script of this kind has.
logging.getLogger("procrastinate").setLevel(logging.ERROR)


def app_for(dsn: str) -> App:
    """An app with the task."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=CONCURRENCY, max_size=CONCURRENCY + 2))

    @app.task(name="noop")
    async def no_op(number: int) -> None:
        progress.started()

    return app


async def load(settings: dict[str, Any]) -> None:
    """Install the schema and defer in batches."""
    app = app_for(settings["dsn"])
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for begin in range(0, settings["jobs"], CHUNK):
            places = range(begin, min(begin + CHUNK, settings["jobs"]))
            await app.tasks["noop"].batch_defer_async(*({"number": place} for place in places))


async def drain(settings: dict[str, Any]) -> None:
    """Run no-op jobs from the barrier until standard input ends."""
    app = app_for(settings["dsn"])
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
    chosen = json.loads(sys.argv[1])
    loop.run(load(chosen) if chosen.get("load") else drain(chosen))
