"""A pool beside which no connection can be made: neither one for leases nor one that listens.

What it is that makes none stands in CHAOS_CONNECTIONS, which a scenario sets: "limit" is a role that may have
no more than the pool's, "callable" a pool whose own way to connect fails from then on.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import psycopg_pool
from psycopg.conninfo import make_conninfo

from pg_scheduler.client.source import Library, Source

VARIABLE = "CHAOS_CONNECTIONS"
SIZE = 3
"""Connections of each pool."""


def environment_of(number: int) -> Mapping[str, str]:
    """Of the worker that is hired as the so manieth: both kinds in turn."""
    return {VARIABLE: ("limit", "callable")[number % 2]}


@asynccontextmanager
async def few_connections(dsn: str, library: Library) -> AsyncIterator[Source | None]:
    """The pool; None where nothing is to fail."""
    kind = os.environ.get(VARIABLE)
    if kind is None:
        yield None
        return
    user = await _limited_role(dsn) if kind == "limit" else None
    pool = _asyncpg_pool(dsn, user) if library == "asyncpg" else _psycopg_pool(dsn, user)
    async with pool as made:
        yield made


async def _limited_role(dsn: str) -> str:
    role = f"few_{os.getpid()}"
    connection = await asyncpg.connect(dsn)
    try:
        owner = await connection.fetchval("SELECT current_user")
        await connection.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {SIZE}; GRANT {owner} TO {role}")
    finally:
        await connection.close()
    return role


class Exhausted:
    """Says where to connect, a few times; then it has lost its way to find out."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._left = SIZE

    def spend(self) -> str:
        """The DSN.

        Raises:
            ConnectionRefusedError: it has been told often enough.
        """
        if not self._left:
            raise ConnectionRefusedError("the harness lets no more connections through")
        self._left -= 1
        return self._dsn


@asynccontextmanager
async def _asyncpg_pool(dsn: str, user: str | None) -> AsyncIterator[Any]:
    exhausted = Exhausted(dsn)

    async def connect(*args: Any, **kwargs: Any) -> asyncpg.Connection:
        return await asyncpg.connect(exhausted.spend(), **kwargs)

    own = {} if user else {"connect": connect}
    async with asyncpg.create_pool(dsn, min_size=SIZE, max_size=SIZE, user=user, **own) as pool:
        yield pool


@asynccontextmanager
async def _psycopg_pool(dsn: str, user: str | None) -> AsyncIterator[Any]:
    exhausted = Exhausted(dsn)

    async def conninfo() -> str:
        return exhausted.spend()

    where: Any = make_conninfo(dsn, user=user) if user else conninfo
    async with psycopg_pool.AsyncConnectionPool(where, min_size=SIZE, max_size=SIZE, open=False) as pool:
        await pool.wait()
        yield pool
