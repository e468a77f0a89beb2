"""Exclusion by advisory lock, held by an open transaction."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Session

log = logging.getLogger("pg_scheduler.postgres.locks")

PROBE_INTERVAL, PROBE_TIMEOUT = 1.0, 5.0
"""Seconds between looks at whether the lock's connection still lives, and until silence means that it does
not. So long may a run that has lost its lock go on beside the next one."""

_TOUCH = "SHOW transaction_isolation"
"""Takes no snapshot, and ends the portal of the statement before, which keeps its own until then."""


def lock_key(*parts: str) -> int:
    """An advisory lock's number: 63 bits of a hash."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class PostgresLocks:
    """`Locks` over a link.

    A transaction-level lock on a connection of its own: a pooler in transaction mode keeps an open
    transaction on one server connection, a pool's reset cannot release it, and a process that dies takes
    it along. So long a transaction must hold no snapshot, or it would hold up every vacuum: therefore it is
    READ COMMITTED whatever the default is, and its latest statement is always a SHOW.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    @asynccontextmanager
    async def exclusive(self, name: str, on_lost: Callable[[], None]) -> AsyncIterator[bool]:
        if await self._is_held(name):
            yield False  # known without a connection for it
            return
        session = self._link.session.dedicated("lock")
        await session.open()
        finished = False
        try:
            async with session.transaction() as transaction:
                if not await self._take(transaction, name):
                    yield False
                else:
                    probing = asyncio.create_task(_probe(session, transaction, on_lost))
                    try:
                        yield True
                    finally:
                        probing.cancel()
                        await asyncio.gather(probing, return_exceptions=True)
                finished = True
        except DatabaseError as error:
            if not finished:
                raise
            # What was to be done alone is done; that the lock cannot be given back changes nothing about it.
            log.warning(
                "the connection of lock %r broke before its release: %s",
                name,
                error,
                extra={"lock": name, "error": str(error)},
            )
        finally:
            await session.close()

    async def _is_held(self, name: str) -> bool:
        (row,) = await self._link.run("lock_is_held", key=self._key(name))
        held: bool = row["held"]
        return held

    def _key(self, name: str) -> int:
        return lock_key("pg_scheduler exclusive", self._link.statements.schema, name)

    async def _take(self, transaction: Session, name: str) -> bool:
        await transaction.fetch("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        await self._link.run("let_transaction_idle", transaction)
        (row,) = await transaction.fetch(
            "SELECT pg_catalog.pg_try_advisory_xact_lock($1::bigint) AS held",
            [self._key(name)],
        )
        await transaction.fetch(_TOUCH)
        held: bool = row["held"]
        return held


async def _probe(session: Session, transaction: Session, on_lost: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(PROBE_INTERVAL)
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await transaction.fetch(_TOUCH)
        except (DatabaseError, TimeoutError):
            # Closed first: on a connection that is dead but open, ending the transaction would wait for ever.
            await session.close()
            on_lost()
            return
