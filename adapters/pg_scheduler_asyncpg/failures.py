"""asyncpg's failures as this project's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler_postgres.sqlstate import translate


@contextmanager
def translated() -> Iterator[None]:
    """Raise this project's errors instead of asyncpg's."""
    try:
        yield
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
