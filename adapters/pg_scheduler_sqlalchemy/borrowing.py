"""Sessions on SQLAlchemy's sessions and connections, in the transaction that these have.

SQLAlchemy begins a transaction in Python first, and lets the library send BEGIN with the first statement:
asyncpg does nothing of the kind by itself, and a Core connection that was never asked commits and rolls back
nothing. So where none is begun, in Python and on the wire, a statement of no meaning goes through SQLAlchemy
before ours go to the connection below it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import exc

from pg_scheduler.domain.errors import ConnectionLost, InvalidInput
from pg_scheduler_postgres.borrowing import borrowed_session, closed, needs_an_event_loop, unusable
from pg_scheduler_postgres.session import Session
from pg_scheduler_postgres.sqlstate import translate

BEGIN = "SELECT 1"

Open = Callable[[Any], Awaitable[Session]]


async def session_on(connection: Any, *, blocking: bool) -> Session:
    """A session in the transaction of an AsyncSession, AsyncConnection, Session or Connection."""
    for base in type(connection).__mro__:
        if base.__module__.partition(".")[0] != "sqlalchemy":
            continue
        if base.__name__ in _ASYNC and blocking:
            raise needs_an_event_loop(connection)
        open_it = _ASYNC.get(base.__name__) or _BLOCKING.get(base.__name__)
        if open_it is not None:
            with _translated():
                return await open_it(connection)
    raise unusable(connection, _REMEDY)


_REMEDY = (
    "Pass a Session, AsyncSession, Connection or AsyncConnection, with your statements in its transaction: "
    "`async with engine.begin() as connection`, or of a sessionmaker `async with maker.begin() as session`"
)


async def _of_async_session(session: Any) -> Session:
    return await _of_async_connection(await session.connection())


async def _of_async_connection(connection: Any) -> Session:
    _refuse_two_phases(connection.sync_connection)
    below = await connection.get_raw_connection()
    session = await borrowed_session(below.driver_connection, blocking=False)
    if not (connection.in_transaction() and session.in_transaction()):
        await connection.exec_driver_sql(BEGIN)
    return session


async def _of_session(session: Any) -> Session:
    return await _of_connection(session.connection())


async def _of_connection(connection: Any) -> Session:
    _refuse_two_phases(connection)
    session = await borrowed_session(connection.connection.driver_connection, blocking=True)
    if not connection.in_transaction():
        connection.exec_driver_sql(BEGIN)
    return session


async def _of_raw(below: Any) -> Session:
    """What `engine.raw_connection()` gives, on which nobody but its owner begins anything."""
    return await borrowed_session(below.driver_connection, blocking=False)


def _refuse_two_phases(connection: Any) -> None:
    if type(connection.get_transaction()).__name__ == "TwoPhaseTransaction":
        raise InvalidInput(
            "connection",
            "is in a transaction of two phases, which PostgreSQL cannot prepare once a job in it tells the "
            "workers (NOTIFY)",
            "Store the job in a transaction without twophase=True",
        )


@contextmanager
def _translated() -> Iterator[None]:
    """What SQLAlchemy says of a session that cannot be used, as refusals; what the server says, as ours."""
    try:
        yield
    except exc.ResourceClosedError as error:
        raise closed(f" ({_first_line(error)})") from error
    except exc.DBAPIError as error:
        raise translate(getattr(error.orig, "sqlstate", None), str(error.orig)) from error
    except exc.SQLAlchemyError as error:
        raise InvalidInput("connection", f"SQLAlchemy cannot use it: {_first_line(error)}") from error
    except OSError as error:
        if isinstance(error, ConnectionLost):
            raise
        raise ConnectionLost(f"{type(error).__name__}: {error}") from error


def _first_line(error: exc.SQLAlchemyError) -> str:
    return str(error).partition("\n")[0].partition(" (Background on this error")[0]


_ASYNC: dict[str, Open] = {
    "AsyncSession": _of_async_session,
    "async_scoped_session": _of_async_session,
    "AsyncConnection": _of_async_connection,
}
_BLOCKING: dict[str, Open] = {
    "Session": _of_session,
    "scoped_session": _of_session,
    "Connection": _of_connection,
    "PoolProxiedConnection": _of_raw,
}
