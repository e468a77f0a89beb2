"""LISTEN over asyncpg, on a connection of its own that is probed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler_asyncpg.connecting import Connector
from pg_scheduler_asyncpg.failures import translated

PROBE_INTERVAL, PROBE_TIMEOUT = 15.0, 5.0
"""Seconds between probes of a silent connection, and until an unanswered probe means that it is dead."""


async def listen(
    connector: Connector,
    channel: str,
    on_payload: Callable[[str], None],
    on_ready: Callable[[], None],
) -> None:
    """Deliver payloads until cancelled; `ConnectionLost` when the connection breaks."""

    def deliver(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        on_payload(str(payload))

    gone = asyncio.Event()
    with translated():
        connection = await connector()
    try:
        connection.add_termination_listener(lambda _connection: gone.set())
        with translated():
            async with asyncio.timeout(PROBE_TIMEOUT):
                await connection.add_listener(channel, deliver)
        on_ready()
        while True:
            try:
                async with asyncio.timeout(PROBE_INTERVAL):
                    await gone.wait()
            except TimeoutError:
                with translated():
                    await connection.fetchval("SELECT 1", timeout=PROBE_TIMEOUT)
            else:
                raise ConnectionLost("the LISTEN connection was closed by the server")
    finally:
        await _end(connection)


async def _end(connection: Any) -> None:
    try:
        async with asyncio.timeout(2):
            await connection.close()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
