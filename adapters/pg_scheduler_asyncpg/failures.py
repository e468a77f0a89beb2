"""asyncpg's failures as this project's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError, ConnectionLost
from pg_scheduler_postgres.sqlstate import translate


@contextmanager
def translated() -> Iterator[None]:
    """Raise this project's errors instead of asyncpg's."""
    try:
        yield
    except ConnectionLost:
        raise  # an OSError too, and translated already
    except asyncpg.PostgresError as error:
        raise translate(error.sqlstate, str(error)) from error
    except asyncpg.InternalClientError as error:
        raise ConnectionLost(str(error)) from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):
            raise  # asyncpg.DataError: a value that does not fit its cast; a fault of this project
        raise ConnectionLost(str(error)) from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise ConnectionLost(f"{type(error).__name__}: {error}") from error


@contextmanager
def translated_connecting() -> Iterator[None]:
    """The same while connecting by a DSN, where a ValueError means that it cannot be read."""
    try:
        with translated():
            yield
    except asyncpg.ClientConfigurationError as error:
        raise ConfigurationError(
            f"the connection string cannot be used: {error}. Write postgresql://user@host:5432/database"
        ) from error
    except ValueError as error:
        # Not its text: what asyncpg took for a port may be the end of a password.
        raise ConfigurationError(
            "the connection string cannot be read: the port must be a number, and special characters in "
            "the password must be percent-encoded (@ as %40, / as %2F)"
        ) from error
