"""Noticing that the server has closed a pooled connection, without asking it every time."""

from __future__ import annotations

import selectors
from typing import Any

import psycopg
import psycopg_pool


async def check(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raise, so that the pool replaces the connection, if it is dead.

    The server says nothing to an idle connection unless it ends it, so only one with something to read is
    worth a round trip; the others would have to wait for theirs before each statement.

    Raises:
        psycopg.OperationalError: the connection is dead.
    """
    if speaks(connection.fileno()):
        await psycopg_pool.AsyncConnectionPool.check_connection(connection)


def speaks(socket: int) -> bool:
    """True if there is something to read. Nobody has asked anything, so it is most likely a farewell."""
    with selectors.DefaultSelector() as selector:
        selector.register(socket, selectors.EVENT_READ)
        return bool(selector.select(0))
