"""Pools as users make them, one of each library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from psycopg_pool import AsyncConnectionPool

from pg_scheduler.client.source import Library


@asynccontextmanager
async def pool_of(library: Library, dsn: str, size: int) -> AsyncIterator[Any]:
    """A pool of so many connections, all of them open."""
    if library == "asyncpg":
        async with asyncpg.create_pool(dsn, min_size=size, max_size=size) as pool:
            yield pool
        return
    options = {"autocommit": True}
    async with AsyncConnectionPool(dsn, min_size=size, max_size=size, kwargs=options, open=False) as pool:
        await pool.wait()
        yield pool
