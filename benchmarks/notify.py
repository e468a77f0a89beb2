"""The reference for pickup: a bare NOTIFY from one connection to another, in the same library."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import psycopg

CHANNEL = "bench_bare"

Ping = Callable[[], Awaitable[float]]
"""Sends one NOTIFY; seconds from sending it until it is heard."""


@asynccontextmanager
async def bare_notify(library: str, dsn: str) -> AsyncIterator[Ping]:
    """Two connections, one that tells and one that hears."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    connected = _asyncpg_pair if library == "asyncpg" else _psycopg_pair
    async with connected(dsn, lambda: heard.put_nowait(time.perf_counter())) as send:

        async def ping() -> float:
            sent = time.perf_counter()
            await send()
            return await heard.get() - sent

        yield ping


@asynccontextmanager
async def _asyncpg_pair(
    dsn: str, on_heard: Callable[[], None]
) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    teller, hearer = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await hearer.add_listener(CHANNEL, lambda *_: on_heard())
        yield lambda: teller.fetch("SELECT pg_notify($1, 'x')", CHANNEL)
    finally:
        await teller.close()
        await hearer.close()


@asynccontextmanager
async def _psycopg_pair(
    dsn: str, on_heard: Callable[[], None]
) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    connect = psycopg.AsyncConnection.connect
    async with await connect(dsn, autocommit=True) as teller, await connect(dsn, autocommit=True) as hearer:
        await hearer.execute(f"LISTEN {CHANNEL}")

        async def hear() -> None:
            async for _ in hearer.notifies():
                on_heard()

        hearing = asyncio.create_task(hear())
        try:
            yield lambda: teller.execute("SELECT pg_notify(%s, 'x')", [CHANNEL])
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing
