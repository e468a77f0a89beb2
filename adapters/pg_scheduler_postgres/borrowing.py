"""What a caller may give as `connection=`: the one place that tells, by an object's class, who knows it.

Nothing is imported here that the caller's object does not come from. A reader is a module with
``async def session_on(connection, *, blocking) -> Session``, or the path of one: it makes a session on the
object, or leads to another object and asks `borrowed_session` again. It raises InvalidInput for what it
cannot work on, and where `blocking` is said and the object needs an event loop. `READERS` takes further ones.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Protocol, cast

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.ports.borrowed import Borrowed
from pg_scheduler_postgres.session import Session


class Reader(Protocol):
    """Makes sessions on the objects of one library."""

    async def session_on(self, connection: Any, *, blocking: bool) -> Session:
        """A session on it, in whatever transaction it has open."""
        ...


READERS: dict[str, str | Reader] = {
    "asyncpg": "pg_scheduler_asyncpg.borrowing",
    "psycopg": "pg_scheduler_psycopg.borrowing",
    "sqlalchemy": "pg_scheduler_sqlalchemy.borrowing",
    "databases": "pg_scheduler_sqlalchemy.databases",
    "django": "pg_scheduler_django.borrowing",
}
"""By the package that a class, or one that it is derived from, is defined in."""

_REMEDIES = {
    "psycopg2": "psycopg2 cannot carry it. Install psycopg 3 and use it in place of psycopg2 (SQLAlchemy: "
    "postgresql+psycopg://...; Django does so by itself once it is installed), or leave connection= out",
    "psycopg_pool": "That is a pool. Give a connection of it, within a transaction",
    "pg8000": "pg8000 cannot carry it. Use postgresql+psycopg:// or postgresql+asyncpg://, or leave "
    "connection= out",
    "aiopg": "aiopg cannot carry it. Use asyncpg or psycopg 3, or leave connection= out",
}
_USUAL = (
    "Pass a connection of asyncpg or psycopg, a Session, AsyncSession, Connection or AsyncConnection of "
    "SQLAlchemy's, or Django's connection or its alias"
)


async def borrowed_session(connection: Any, *, blocking: bool) -> Session:
    """A session on what a caller has given, in whatever transaction it has open.

    Args:
        blocking: whether the caller has no event loop.

    Raises:
        InvalidInput: nobody here knows such an object, or it is closed, or it needs an event loop.
    """
    if isinstance(connection, Borrowed):
        connection = connection.connection
    packages = _packages_of(type(connection))
    if isinstance(connection, str) and "django.db" in sys.modules:
        packages = ["django"]  # an alias
    for package in packages:
        if package in READERS:
            return await _reader(package).session_on(connection, blocking=blocking)
    raise unusable(connection, next((_REMEDIES[name] for name in packages if name in _REMEDIES), _USUAL))


def unusable(connection: object, remedy: str = _USUAL) -> InvalidInput:
    """The refusal of an object by name."""
    kind = type(connection)
    return InvalidInput("connection", f"cannot work on {kind.__module__}.{kind.__qualname__}", remedy)


def needs_an_event_loop(connection: object) -> InvalidInput:
    """The refusal of an object by a program without one."""
    return unusable(connection, "It needs an event loop: use it with Scheduler or Queries")


def closed(what: str = "") -> InvalidInput:
    """The refusal of one that is of no use any more."""
    return InvalidInput(
        "connection", f"is closed{what}", "Pass one that is open, in the transaction of your statements"
    )


def _packages_of(kind: type) -> list[str]:
    return [base.__module__.partition(".")[0] for base in kind.__mro__]


def _reader(package: str) -> Reader:
    reader = READERS[package]
    if isinstance(reader, str):
        reader = cast(Reader, sys.modules.get(reader) or importlib.import_module(reader))
    return reader
