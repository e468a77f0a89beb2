"""The references for pickup: a bare NOTIFY from one connection to another, in the same library; and the same
with one row written by whoever hears it, which is the least that a durable claim can be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, Protocol

import asyncpg
import psycopg

from pg_scheduler.client.source import Library

CHANNEL = "bench_bare"

CREATE = "CREATE TABLE IF NOT EXISTS bench_bare (id integer PRIMARY KEY, claims integer NOT NULL)"
FILL = "INSERT INTO bench_bare VALUES (1, 0) ON CONFLICT DO NOTHING"
WRITE = "UPDATE bench_bare SET claims = claims + 1 WHERE id = 1"


class Ping(Protocol):
    """Sends one NOTIFY; seconds from sending it until it is heard, or until a row is written then."""

    async def __call__(self, *, write: bool = False) -> float: ...


class Pair(NamedTuple):
    """What one connection tells, and what another writes."""

    tell: Callable[[], Awaitable[Any]]
    write: Callable[[], Awaitable[Any]]


@asynccontextmanager
async def bare_notify(library: Library, dsn: str) -> AsyncIterator[Ping]:
    """Two connections, one that tells and one that hears."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    connected = _asyncpg_pair if library == "asyncpg" else _psycopg_pair
    async with connected(dsn, lambda: heard.put_nowait(time.perf_counter())) as pair:

        async def ping(*, write: bool = False) -> float:
            sent = time.perf_counter()
            telling = asyncio.ensure_future(pair.tell())
            done = await heard.get()
            if write:
                await pair.write()
                done = time.perf_counter()
            await telling
            return done - sent

        yield ping


@asynccontextmanager
async def _asyncpg_pair(dsn: str, on_heard: Callable[[], None]) -> AsyncIterator[Pair]:
    teller, hearer, writer = [await asyncpg.connect(dsn) for _ in range(3)]
    try:
        await writer.execute(f"{CREATE}; {FILL}")
        written = await writer.prepare(WRITE)
        await hearer.add_listener(CHANNEL, lambda *_: on_heard())
        yield Pair(lambda: teller.fetch("SELECT pg_notify($1, 'x')", CHANNEL), written.fetch)
    finally:
        for connection in (teller, hearer, writer):
            await connection.close()


@asynccontextmanager
async def _psycopg_pair(dsn: str, on_heard: Callable[[], None]) -> AsyncIterator[Pair]:
    connect = psycopg.AsyncConnection.connect
    async with (
        await connect(dsn, autocommit=True) as teller,
        await connect(dsn, autocommit=True) as hearer,
        await connect(dsn, autocommit=True) as writer,
    ):
        await writer.execute(CREATE)
        await writer.execute(FILL)
        await hearer.execute(f"LISTEN {CHANNEL}")

        async def hear() -> None:
            async for _ in hearer.notifies():
                on_heard()

        hearing = asyncio.create_task(hear())
        try:
            yield Pair(
                lambda: teller.execute("SELECT pg_notify(%s, 'x')", [CHANNEL]),
                lambda: writer.execute(WRITE, prepare=True),
            )
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing
