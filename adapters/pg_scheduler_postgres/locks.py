"""Exclusion by advisory lock, held by an open transaction."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Session

PROBE_INTERVAL = 5.0
"""Seconds between looks at whether the lock's connection still lives."""


def lock_key(*parts: str) -> int:
    """An advisory lock's number: 63 bits of a hash."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class PostgresLocks:
    """`Locks` over a link.

    A transaction-level lock on a connection of its own: a pooler in transaction mode keeps an open
    transaction on one server connection, a pool's reset cannot release it, and a process that dies takes
    it along. An idle transaction that has only taken a lock holds no snapshot, so it holds up no vacuum.
    """

    _link: Link

    @asynccontextmanager
    async def exclusive(self, name: str, on_lost: Callable[[], None]) -> AsyncIterator[bool]:
        session = self._link.session.dedicated()
        await session.open()
        try:
            async with session.transaction() as transaction:
                await transaction.script("SET LOCAL idle_in_transaction_session_timeout = 0")
                (row,) = await transaction.fetch(
                    "SELECT pg_try_advisory_xact_lock($1::bigint) AS held",
                    [lock_key("pg_scheduler exclusive", self._link.statements.schema, name)],
                )
                if not row["held"]:
                    yield False
                    return
                probing = asyncio.create_task(_probe(transaction, on_lost))
                try:
                    yield True
                finally:
                    probing.cancel()
                    await asyncio.gather(probing, return_exceptions=True)
        finally:
            await session.close()


async def _probe(transaction: Session, on_lost: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(PROBE_INTERVAL)
        try:
            await transaction.fetch("SELECT 1 AS alive")
        except DatabaseError:
            on_lost()
            return
