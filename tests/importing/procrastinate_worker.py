"""Procrastinate's own producer and worker. Runs in its own environment: ``DSN load 1000`` or ``DSN work``."""

from __future__ import annotations

import asyncio
import logging
import sys

import psycopg
from procrastinate import App, PsycopgConnector

# It warns of an app in the main module, which is what a script of this kind has.
logging.getLogger("procrastinate").setLevel(logging.ERROR)


def app_for(dsn: str) -> App:
    """An app with the task."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=1, max_size=4))

    @app.task(name="note")
    async def note(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute("INSERT INTO ran (number, by) VALUES (%s, 'theirs')", (number,))
        await asyncio.sleep(0.02)

    return app


async def load(dsn: str, jobs: int) -> None:
    """Install its tables, and defer so many jobs: every tenth has one of five locks."""
    app = app_for(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for lock in (None, *"abcde"):
            numbers = [n for n in range(jobs) if (None if n % 10 else "abcde"[n // 10 % 5]) == lock]
            deferred = app.tasks["note"].configure(lock=lock)
            await deferred.batch_defer_async(*({"number": number} for number in numbers))


async def work(dsn: str) -> None:
    """Note each job, until killed."""
    app = app_for(dsn)
    async with app.open_async():
        await app.run_worker_async(concurrency=5, install_signal_handlers=False)


if __name__ == "__main__":
    _, dsn, role, *numbers = sys.argv
    asyncio.run(load(dsn, int(numbers[0])) if role == "load" else work(dsn))
