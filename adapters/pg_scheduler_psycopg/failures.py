"""psycopg's failures as this project's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool

from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler_postgres.sqlstate import translate


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
        raise translate(error.sqlstate, str(error)) from error
    except psycopg.InterfaceError as error:
        raise ConnectionLost(str(error)) from error
    except OSError as error:
        raise ConnectionLost(f"{type(error).__name__}: {error}") from error
