"""Text as text: psycopg gives bytes where the connection's encoding is SQL_ASCII."""

from __future__ import annotations

from typing import Any

from psycopg import BaseConnection
from psycopg.conninfo import conninfo_to_dict

from pg_scheduler.domain.errors import ConfigurationError


def text_as_utf8(conninfo: str) -> dict[str, Any]:
    """Parameters for a connection of ours: UTF-8, as asyncpg has it always, unless the string says otherwise.
    A database of encoding SQL_ASCII gives and takes the same bytes then."""
    return {} if "client_encoding" in conninfo_to_dict(conninfo) else {"client_encoding": "UTF8"}


def refuse_bytes(connection: BaseConnection[Any]) -> None:
    """Say what is wrong, before a text that came as bytes breaks something far from here.

    Raises:
        ConfigurationError: the connection would give text as bytes.
    """
    if connection.pgconn.parameter_status(b"client_encoding") == b"SQL_ASCII":
        raise ConfigurationError(
            "this connection's client_encoding is SQL_ASCII, with which psycopg gives text as bytes. Add "
            "client_encoding=UTF8 to its parameters: to the connection string, or to the pool's kwargs. "
            "The database may stay as it is"
        )
