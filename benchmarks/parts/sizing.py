"""How many workers, connections and jobs a second one server carries, and what bends first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from benchmarks.crew import crew
from benchmarks.figures import percentile
from benchmarks.fleet_worker import note
from benchmarks.fleets import Fleet, trickle
from benchmarks.frame import Bench, Cell, Database, Part, Table
from benchmarks.processor import server_seconds
from benchmarks.server import LOGGED, PRODUCTION
from pg_scheduler import JobSpec, Scheduler
from pg_scheduler_embedded import EmbeddedServer
from tests.engine.exclusion.bouncer import PROGRAM, bouncer

PROCESSES = 10
JOBS, EVERY = 200, 0.05
"""Jobs that are stored one at a time, and seconds between them."""
BURST = 20_000
REST = 15.0
"""Seconds in which nobody has anything to do."""
COUNTED = """
    SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
    FROM pg_stat_activity
"""
COMMITS = "SELECT sum(xact_commit)::bigint FROM pg_stat_database WHERE datname = current_database()"
COLUMNS = (
    "workers", "connected", "connections", "CPU at rest %", "pickup p50 ms", "pickup p99 ms",
    "transactions per job", "jobs/s", "server CPU us per job",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """One row."""

    workers: int
    how: str = "directly"
    at_most: int = 1_500
    """`max_connections` of the server."""
    mode: str | None = None
    """Of PgBouncer."""
    listen: bool = True


SETUPS = (
    Setup(10), Setup(40), Setup(100), Setup(200),
    Setup(40, "directly, of 100", 100),
    Setup(40, "PgBouncer, transactions, of 100", 100, "transaction", listen=False),
    Setup(40, "PgBouncer, sessions, of 100", 100, "session"),
)  # fmt: skip


async def measure(bench: Bench) -> list[Table]:
    """A server for each row."""
    rows: list[tuple[Cell, ...]] = []
    for setup in SETUPS[:1] if bench.smoke else SETUPS:
        if setup.mode and PROGRAM is None:
            rows.append((setup.workers, f"{setup.how}: skipped, pgbouncer is not installed", *[None] * 7))
            continue
        settings = {**PRODUCTION, **LOGGED, "max_connections": str(setup.at_most)}
        with EmbeddedServer(bench.server.version, settings) as server:
            try:
                rows.append((setup.workers, setup.how, *await _of(bench, setup, server)))
            except RuntimeError as error:
                rows.append((setup.workers, f"{setup.how}: {error}"[:90], *[None] * 7))
    return [Table("sizing", COLUMNS, rows)]


async def _of(bench: Bench, setup: Setup, server: EmbeddedServer) -> tuple[Cell, ...]:
    pool = (
        nullcontext(server.port)
        if setup.mode is None
        else bouncer(server.port, setup.mode, setup.at_most - 10)
    )
    producer = Scheduler(server.dsn, library=bench.library)
    await producer.initialize_db()
    try:
        with pool as port:
            worker_dsn = server.dsn.replace(f":{server.port}/", f":{port}/") + "?sslmode=disable"
            async with _crowd(bench, setup, Database("postgres", server.dsn, worker_dsn)) as found:
                return await _figures(bench, setup, server, producer, found)
    finally:
        await producer.shutdown()


@asynccontextmanager
async def _crowd(bench: Bench, setup: Setup, database: Database) -> AsyncIterator[Fleet]:
    processes = min(PROCESSES, setup.workers)
    wanted = [
        {
            "dsn": database.worker_dsn,
            "library": bench.library,
            "workers": setup.workers // processes,
            "own": True,
            "listen": setup.listen,
        }
        for _ in range(processes)
    ]
    async with crew(database, "benchmarks.fleet_worker", wanted) as gang:
        found = Fleet(bench, gang, setup.workers)
        await found.meet()
        yield found


async def _figures(
    bench: Bench, setup: Setup, server: EmbeddedServer, producer: Scheduler, found: Fleet
) -> tuple[Cell, ...]:
    watcher = await asyncpg.connect(server.dsn)
    try:
        rest = max(REST * min(bench.scale, 1), 1.0)
        before, commits = await server_seconds(server.dsn), await watcher.fetchval(COMMITS)
        await asyncio.sleep(rest)
        after, commits_at_rest = await server_seconds(server.dsn), await watcher.fetchval(COMMITS) - commits

        async def store(number: int) -> object:
            return await producer.schedule(note, args=(number,), execution_time=datetime.now(UTC))

        await trickle(range(-20, 0), store, EVERY)
        numbers = range(bench.size(JOBS))
        began, commits = time.monotonic(), await watcher.fetchval(COMMITS)
        stored = await trickle(numbers, store, EVERY)
        starts = await found.finished(numbers)
        took = time.monotonic() - began
        commits = await watcher.fetchval(COMMITS) - commits - commits_at_rest * took / rest
        waits = [starts[number][0] - stored[number] for number in numbers]

        burst = range(1_000_000, 1_000_000 + bench.size(BURST))
        due = datetime.now(UTC)
        await producer.schedule_bulk([JobSpec(note, due, args=(number,)) for number in burst])
        used = await server_seconds(server.dsn)
        began = time.time()
        connections = 0
        finishing = asyncio.ensure_future(found.finished(burst))
        while not finishing.done():
            connections = max(connections, await watcher.fetchval(COUNTED))
            await asyncio.wait({finishing}, timeout=0.2)
        starts = await finishing
        ended = max(starts[number][1] for number in burst)
        then = await server_seconds(server.dsn)
        first = min(starts[number][0] for number in burst)
        return (
            connections,
            None if before is None or after is None else 100 * (after - before) / rest,
            1000 * percentile(waits, 50),
            1000 * percentile(waits, 99),
            commits / len(numbers),
            round(len(burst) / (ended - max(first, began - 60))),
            None if used is None or then is None else 1e6 * (then - used) / len(burst),
        )
    finally:
        await watcher.close()


SIZING = Part(
    name="sizing",
    summary="10 to 200 workers with own connections, and 40 with 100 connections or behind PgBouncer",
    reading="""
Workers in ten processes, each with connections of its own, on a server that is started for the row.
Connections: the most that were open while the burst was worked off, with the producer's. At rest: processor
seconds of the server in a second without jobs. Pickup: as in the part fleet. Transactions per job: by
pg_stat_database, which also counts it when a listening connection hears of a signal. Jobs a second: 20,000
jobs that do nothing, stored together, from the first start to the last end.
""".strip(),
    measure=measure,
    by_default=False,
)
