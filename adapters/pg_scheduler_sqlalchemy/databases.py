"""Sessions on the connections of encode's `databases`, which are asyncpg's below."""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_postgres.borrowing import borrowed_session, needs_an_event_loop, unusable
from pg_scheduler_postgres.session import Session


async def session_on(connection: Any, *, blocking: bool) -> Session:
    """A session in the transaction of a Database (of the connection that the present task has of it), or of a
    Connection."""
    if blocking:
        raise needs_an_event_loop(connection)
    kind = type(connection).__name__
    if kind == "Database":
        connection = connection.connection()
    elif kind != "Connection":
        raise unusable(connection, "Pass a Database or a Connection, within a transaction")
    try:
        below = connection.raw_connection
    except AssertionError:
        raise InvalidInput(
            "connection",
            "has no transaction open in this task",
            "Open one around your statements and this call: async with database.transaction()",
        ) from None
    return await borrowed_session(below, blocking=blocking)
