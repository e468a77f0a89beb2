"""Counts what the server calls transactions, and what of them is nobody's statement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import asyncpg

from benchmarks.frame import Bench, Database

FLUSHED = 11.0
"""Seconds after which workers and producers have reported what they did: ten while they rest, and one."""
SOONEST = 1.2
"""Seconds after which a connection reports with its next statement."""
NOTIFICATIONS, EVERY = 40, 0.05
"""Sent one at a time, and seconds between them."""

Reading = tuple[float, int]
"""When, and how many transactions there had been by then."""


async def reading(bench: Bench, database: Database) -> Reading:
    """As far as the server knows, a while from now."""
    await asyncio.sleep(0.1 if bench.smoke else FLUSHED)
    return time.time(), await committed(database)


async def committed(database: Database) -> int:
    """Transactions of this database so far, as far as connections have reported them."""
    connection = await asyncpg.connect(database.dsn)
    try:
        found: int = await connection.fetchval(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        return found
    finally:
        await connection.close()


def beyond(rest: float, before: Reading, after: Reading) -> float:
    """How many between two readings, without so many a second."""
    return after[1] - before[1] - rest * (after[0] - before[0])


async def of_a_notification(bench: Bench, listeners: int) -> float:
    """Transactions that the server counts for one NOTIFY while so many connections listen, and do nothing
    else."""
    async with bench.temporary_database() as database, AsyncExitStack() as stack:
        connections = [await asyncpg.connect(database.dsn) for _ in range(listeners + 1)]
        for one in connections:
            stack.push_async_callback(one.close)
        sender, *others = connections
        for one in others:
            await one.execute("LISTEN something")
        before = await _told(bench, connections, database)
        number = bench.size(NOTIFICATIONS)
        for _ in range(number):
            await sender.execute("NOTIFY something")
            await asyncio.sleep(EVERY)
        after = await _told(bench, connections, database)
        # Telling costs each connection a transaction, and reading is one.
        return (after - before - len(connections) - 1) / number


async def _told(bench: Bench, connections: Sequence[asyncpg.Connection], database: Database) -> int:
    """As `committed`, once each of these has reported. One that listens does not do so by itself."""
    patience = 0.1 if bench.smoke else SOONEST
    await asyncio.sleep(patience)
    for one in connections:
        await one.execute("SELECT 1")
    await asyncio.sleep(patience)
    return await committed(database)
