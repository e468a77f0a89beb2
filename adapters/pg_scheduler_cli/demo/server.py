"""The process that keeps the PostgreSQL of the demo, or of `pgq dev`, and removes it once that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

import asyncpg

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.lifeline import wait_until_unwanted
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST

OTHERS = """
SELECT pg_catalog.count(*)
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
"""
LEAVING = 3.0
"""Seconds that whoever is still connected gets to leave: a killed demo cannot end its workers first."""


def main() -> None:
    """Start a server, tell its address, and stop it when unwanted or terminated."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    try:
        with EmbeddedServer(settings=FAST) as server:
            Event("server", "ready", note=server.dsn, job=f"PostgreSQL {server.version}").tell()
            wait_until_unwanted()
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                asyncio.run(_wait_until_alone(server.dsn))
    except PgSchedulerError as error:
        sys.exit(f"pgq: {error}")


async def _wait_until_alone(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(LEAVING):
            while await connection.fetchval(OTHERS):
                await asyncio.sleep(0.05)
    finally:
        connection.terminate()


if __name__ == "__main__":
    main()
