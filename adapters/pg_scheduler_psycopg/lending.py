"""Where a blocking session has its connections from, for one thread at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary, WeakSet

import psycopg
import psycopg_pool
from psycopg.pq import TransactionStatus

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler_postgres.connection_names import ConnectionNames, statement_naming
from pg_scheduler_psycopg.encodings import text_as_utf8
from pg_scheduler_psycopg.failures import translated_connecting
from pg_scheduler_psycopg.liveness import speaks

Connection = psycopg.Connection[Any]
Pool = psycopg_pool.ConnectionPool[Any]


@runtime_checkable
class Lending(Protocol):
    """Lends a connection for a statement or a whole transaction."""

    def lend(self) -> AbstractContextManager[Connection]:
        """A connection that no other thread gets meanwhile."""
        ...

    def close(self) -> None:
        """Close what was made here."""
        ...

    def call(self, who: str) -> None:
        """Whose connections are that are made here from now on, for the server's list of sessions."""
        ...


Source = Connection | Pool | str | Lending
"""Where connections come from: a connection, a pool, a connection string, or who lends them."""


class _Locks:
    """A lock for each connection, whoever works on it: blocks of two threads must not interleave."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._guard = threading.Lock()
        self._locks: WeakKeyDictionary[Connection, threading.RLock] = WeakKeyDictionary()

    def of(self, connection: Connection) -> Any:
        with self._guard:
            return self._locks.setdefault(connection, threading.RLock())


_locks = _Locks()


class OwnersConnection:
    """The connection that somebody gave."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._made_in = os.getpid()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        _refuse_after_fork(self._made_in, "connection")
        with _locks.of(self.connection):
            yield self.connection

    def close(self) -> None:
        """It is its owner's."""

    def call(self, who: str) -> None:
        """Its owner has named it."""


class OwnersPool:
    """The pool that somebody gave."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._made_in = os.getpid()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        _refuse_after_fork(self._made_in, "pool")
        with self._pool.connection() as connection:
            yield connection

    def close(self) -> None:
        """It is its owner's."""

    def call(self, who: str) -> None:
        """Its owner has named it."""


def _refuse_after_fork(made_in: int, what: str) -> None:
    if os.getpid() != made_in:
        raise ConfigurationError(
            f"the {what} was given in process {made_in}, of which this one is a fork: both would talk over "
            f"one connection. Make the {what}, and the client over it, anew after the fork, or give a "
            "connection string"
        )


class OwnConnection:
    """One connection from a DSN, made when it is needed: at first, after it broke, in a forked process."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._names = ConnectionNames()
        self._connection: Connection | None = None
        self._parents: list[Connection] = []
        """Those of processes of which this one is a fork. They are their business: to close them here would
        end them there."""
        self._lock = threading.RLock()
        _own.add(self)

    def forked(self) -> None:
        """This is another process now, and the thread that held the lock may not exist in it."""
        self._lock = threading.RLock()
        if self._connection is not None:
            self._parents.append(self._connection)
            self._connection = None

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        with self._lock:
            connection = self._living()
            try:
                yield connection
            finally:
                if connection.info.transaction_status != TransactionStatus.IDLE:
                    connection.close()  # what comes next would be part of it

    def _living(self) -> Connection:
        if self._connection is not None and not _lives(self._connection):
            self._connection.close()
            self._connection = None
        if self._connection is None:
            with translated_connecting(self._dsn):
                self._connection = psycopg.connect(self._dsn, autocommit=True, **text_as_utf8(self._dsn))
                if not self._connection.info.parameter_status("application_name"):
                    self._connection.execute(statement_naming(self._names.of()).encode(), prepare=False)
        return self._connection

    def call(self, who: str) -> None:
        self._names.who = who

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


_own: WeakSet[OwnConnection] = WeakSet()


def _lives(connection: Connection) -> bool:
    if connection.closed or not speaks(connection.fileno()):
        return not connection.closed
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _after_fork() -> None:
    _locks.forget()
    for own in _own:
        own.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def lending_of(source: Source) -> Lending:
    """How connections of a source are lent."""
    if isinstance(source, str):
        return OwnConnection(source)
    if isinstance(source, psycopg.Connection):
        return OwnersConnection(source)
    return OwnersPool(source) if isinstance(source, psycopg_pool.ConnectionPool) else source
