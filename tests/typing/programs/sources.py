"""Whatever a scheduler can work on, and what it cannot."""

import asyncpg
import psycopg
import psycopg_pool

from pg_scheduler import PgQueuer, Queries, QueueManager, Scheduler, SchedulerManager, SyncQueries
from pg_scheduler.testing import MemoryDriver


async def sources(dsn: str) -> None:
    scheduler = Scheduler(await asyncpg.connect(dsn))
    QueueManager(scheduler)
    SchedulerManager(scheduler, resources={})
    PgQueuer(scheduler)
    async with asyncpg.create_pool(dsn) as pool, pool.acquire() as connection:
        Scheduler(pool)
        PgQueuer(connection)
    Queries(await psycopg.AsyncConnection.connect(dsn))
    PgQueuer(psycopg_pool.AsyncConnectionPool(dsn))
    SyncQueries(psycopg.connect(dsn))
    SyncQueries(psycopg_pool.ConnectionPool(dsn))
    Scheduler(MemoryDriver())
    SyncQueries(MemoryDriver())


async def mistaken(dsn: str) -> None:
    Scheduler(None)  # wrong: nothing
    Scheduler(print)  # wrong: a function
    Scheduler(psycopg.connect(dsn))  # wrong: a blocking connection
    PgQueuer(psycopg_pool.ConnectionPool(dsn))  # wrong: a blocking pool
    Queries(5)  # wrong: a number
    SyncQueries(psycopg_pool.AsyncConnectionPool(dsn))  # wrong: a pool for an event loop
    SyncQueries(await psycopg.AsyncConnection.connect(dsn))  # wrong: a connection for an event loop
