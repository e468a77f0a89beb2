"""LISTEN over psycopg, on a connection of its own that is probed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from psycopg import sql

from pg_scheduler_psycopg.connecting import Connector
from pg_scheduler_psycopg.failures import translated

PROBE_INTERVAL, PROBE_TIMEOUT = 15.0, 5.0
"""Seconds between probes of a silent connection, and until an unanswered probe means that it is dead."""


async def listen(
    connector: Connector,
    channel: str,
    on_payload: Callable[[str], None],
    on_ready: Callable[[], None],
) -> None:
    """Deliver payloads until cancelled; `ConnectionLost` when the connection breaks."""
    with translated():
        connection = await connector()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            on_ready()
            while True:
                async for notice in connection.notifies(timeout=PROBE_INTERVAL):
                    on_payload(notice.payload)
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await connection.execute("SELECT 1")
        finally:
            await connection.close()
