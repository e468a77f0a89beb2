"""Sessions on psycopg connections of others."""

from __future__ import annotations

from typing import Any

import psycopg

from pg_scheduler_postgres.borrowing import closed, needs_an_event_loop, unusable
from pg_scheduler_postgres.session import Session
from pg_scheduler_psycopg.blocking import BlockingSession
from pg_scheduler_psycopg.connecting import OWNERS
from pg_scheduler_psycopg.sessions import BorrowedSession


async def session_on(connection: Any, *, blocking: bool) -> Session:
    """A session on a connection of either kind. One on a blocking connection blocks, whoever uses it."""
    if not isinstance(connection, psycopg.AsyncConnection | psycopg.Connection):
        raise unusable(connection, "Give a connection")
    if blocking and isinstance(connection, psycopg.AsyncConnection):
        raise needs_an_event_loop(connection)
    if connection.closed:
        raise closed()
    if isinstance(connection, psycopg.Connection):
        return BlockingSession(connection)
    return BorrowedSession(connection, OWNERS)
