"""asyncpg's failures as this project's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError, ConnectionLost, DatabaseError, InvalidInput
from pg_scheduler.domain.passwords import masked, masked_complaint
from pg_scheduler_postgres.sqlstate import READ_ONLY, quotes_values, translate

FATAL = ("FATAL", "PANIC")
"""Severities that end a connection. psycopg gives those of a connection attempt without a SQLSTATE."""

IN_TURNS = "Let one task work on it at a time, or give each task a connection of its own"

_QUOTED = re.compile(r"(invalid input for query argument \$\d+): .*(?= \()", re.DOTALL)


def _message(error: asyncpg.PostgresError) -> str:
    """What was said, without the server's details and without the value that asyncpg itself quotes."""
    return _QUOTED.sub(r"\1", str(error.args[0])) if error.args else type(error).__name__


@contextmanager
def translated() -> Iterator[None]:
    """Raise this project's errors instead of asyncpg's."""
    try:
        yield
    except ConnectionLost:
        raise  # an OSError too, and translated already
    except asyncpg.PostgresError as error:
        # asyncpg sets both attributes without declaring them.
        sqlstate: str | None = getattr(error, "sqlstate", None)
        if quotes_values(sqlstate):
            raise translate(sqlstate, _message(error)) from None
        fatal = getattr(error, "severity_en", None) in FATAL
        raise translate(sqlstate, str(error), fatal=fatal) from error
    except asyncpg.TargetServerAttributeNotMatched as error:
        raise translate(READ_ONLY, str(error)) from error
    except asyncpg.InternalClientError as error:
        raise ConnectionLost(str(error)) from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):
            # asyncpg.DataError: a value that does not fit its cast, a fault of this project; it quotes it.
            raise ValueError(_QUOTED.sub(r"\1", str(error))) from None
        if "another operation" in str(error):
            raise InvalidInput("connection", "is in use by another task", IN_TURNS) from error
        raise ConnectionLost(str(error)) from error
    except UnicodeEncodeError as error:
        # It carries the whole text that it could not encode.
        raise ValueError(f"a text cannot be sent as {error.encoding}: {error.reason}") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise ConnectionLost(f"{type(error).__name__}: {error}") from error


@contextmanager
def translated_connecting(dsn: str) -> Iterator[None]:
    """The same while connecting by a DSN, where a ValueError means that it cannot be read. Neither the errors
    nor their causes, which a traceback shows, hold its password."""
    try:
        with translated():
            yield
    except DatabaseError as error:
        if masked(str(error), dsn) == str(error):
            raise
        raise type(error)(masked(str(error), dsn), error.sqlstate) from None
    except asyncpg.ClientConfigurationError as error:
        raise ConfigurationError(
            f"the connection string cannot be used: {masked_complaint(str(error), dsn)}. "
            "Write postgresql://user@host:5432/database"
        ) from None
    except ValueError:
        # Not its text: what asyncpg took for a port may be the end of a password.
        raise ConfigurationError(
            "the connection string cannot be read: the port must be a number, and special characters in "
            "the password must be percent-encoded (@ as %40, / as %2F)"
        ) from None
