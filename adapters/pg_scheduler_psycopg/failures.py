"""psycopg's failures as this project's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool

from pg_scheduler.domain.errors import ConfigurationError, ConnectionLost
from pg_scheduler.domain.passwords import masked, masked_complaint
from pg_scheduler_postgres.sqlstate import READ_ONLY, quotes_values, translate

_NOT_SENT = (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError)
"""Without a SQLSTATE: psycopg itself refused, and the connection is as good as before."""

_REFUSALS = (
    (re.compile(r'FATAL: +database ".*" does not exist'), "3D000"),
    (re.compile(r'FATAL: +(role ".*" does not exist|.*authentication failed|no pg_hba.conf entry)'), "28000"),
    (re.compile(r"no password supplied"), "28000"),
    (re.compile(r'FATAL: +permission denied for database ".*"'), "42501"),
    (re.compile(r"session is read-only|server is in hot standby mode"), READ_ONLY),
)
"""What a server says that lets nobody in, or libpq of one that is not what `target_session_attrs` wants.
libpq keeps no SQLSTATE of a connection attempt, so the texts are read; of a server that speaks another
language they stay what they are: a lost connection."""


def _sqlstate_of_attempt(error: psycopg.Error) -> str | None:
    if error.sqlstate is not None:
        return error.sqlstate
    text = str(error)
    return next((sqlstate for pattern, sqlstate in _REFUSALS if pattern.search(text)), None)


@contextmanager
def translated() -> Iterator[None]:
    """Raise this project's errors instead of psycopg's."""
    try:
        yield
    except ConnectionLost:
        raise  # an OSError too, and translated already
    except (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
        raise ConnectionLost(str(error) or type(error).__name__) from error
    except psycopg.DatabaseError as error:
        if error.sqlstate is None and isinstance(error, _NOT_SENT):
            raise ValueError(f"psycopg refused to send a value: {error}") from None
        if quotes_values(error.sqlstate):
            raise translate(error.sqlstate, error.diag.message_primary or type(error).__name__) from None
        raise translate(_sqlstate_of_attempt(error), str(error)) from error
    except psycopg.InterfaceError as error:
        raise ConnectionLost(str(error)) from error
    except UnicodeEncodeError as error:
        # It carries the whole text that it could not encode.
        raise ValueError(f"a text cannot be sent as {error.encoding}: {error.reason}") from None
    except OSError as error:
        raise ConnectionLost(f"{type(error).__name__}: {error}") from error


@contextmanager
def translated_connecting(conninfo: str) -> Iterator[None]:
    """The same while connecting by a connection string. Neither the errors nor their causes, which a
    traceback shows, hold its password."""
    try:
        yield
    except _NOT_SENT as error:
        if error.sqlstate is not None:
            raise translate(error.sqlstate, masked(str(error), conninfo)) from None
        raise ConfigurationError(
            f"the connection string cannot be used: {masked_complaint(str(error), conninfo)}. "
            "Write postgresql://user@host:5432/database"
        ) from None
    except psycopg.Error as error:
        message = masked(str(error), conninfo)
        raise translate(_sqlstate_of_attempt(error), message) from (error if message == str(error) else None)
    except (OSError, ValueError) as error:
        raise ConnectionLost(f"{type(error).__name__}: {masked(str(error), conninfo)}") from None
