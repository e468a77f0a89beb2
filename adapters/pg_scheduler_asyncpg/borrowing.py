"""Sessions on asyncpg connections of others."""

from __future__ import annotations

from typing import Any

import asyncpg

from pg_scheduler_asyncpg.connecting import OWNERS
from pg_scheduler_asyncpg.sessions import BorrowedSession
from pg_scheduler_postgres.borrowing import closed, needs_an_event_loop, unusable
from pg_scheduler_postgres.session import Session


async def session_on(connection: Any, *, blocking: bool) -> Session:
    """A session on a connection, or on what a pool has lent."""
    if not isinstance(connection, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy):
        raise unusable(connection, "Give a connection, within a transaction")
    if blocking:
        raise needs_an_event_loop(connection)
    try:
        if connection.is_closed():
            raise closed()
    except asyncpg.InterfaceError:
        raise closed(": it has been given back to its pool") from None
    return BorrowedSession(connection, OWNERS)
