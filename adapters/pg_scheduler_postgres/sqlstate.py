"""SQLSTATE to error: the one place that says which failures are worth another try."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.domain.errors import (
    ConnectionLost,
    DatabaseError,
    DatabaseUnavailable,
    ReadOnlyServer,
    SchemaError,
    TransientDatabaseError,
)

READ_ONLY = "25006"
"""The server accepts no writes."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is made of a class of failures. What the engine does about it hangs on the error's class alone."""

    prefixes: tuple[str, ...]
    """Beginnings of the SQLSTATEs; a longer one wins over a shorter."""
    error: type[DatabaseError | SchemaError]
    text: str


MEANINGS = (
    Meaning(
        ("08", "40003", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "53300"),
        ConnectionLost,
        "the connection broke, the server ended it or stops or starts, or it takes no more connections",
    ),
    Meaning(
        ("53", "58", "28", "3D000", "42501"),
        DatabaseUnavailable,
        "disk full, out of memory, I/O error; login, database or privilege is missing",
    ),
    Meaning((READ_ONLY,), ReadOnlyServer, "the server accepts no writes: a replica, or a replaced primary"),
    Meaning(
        ("40", "55P03", "57014"),
        TransientDatabaseError,
        "rolled back: serialization failure, deadlock, lock timeout, statement timeout",
    ),
    Meaning(("42P01", "42703", "3F000"), SchemaError, "a table, column or schema is missing"),
    Meaning(("",), DatabaseError, "anything else: the server refuses what it was sent"),
)
"""All of them. A failure without a SQLSTATE is one of the connection: the server has not answered."""


def meaning_of(sqlstate: str) -> Meaning:
    """The row of the table: that of the longest prefix that fits."""
    fitting = [
        (len(prefix), position)
        for position, meaning in enumerate(MEANINGS)
        for prefix in meaning.prefixes
        if sqlstate.startswith(prefix)
    ]
    return MEANINGS[max(fitting)[1]]


VALUE_CLASSES = ("22", "23")
"""Data exceptions and violated constraints. Their details quote what was refused, a whole row if need be: the
arguments of a job, which no log may show. Of these errors only the message is kept, and not their cause."""


def quotes_values(sqlstate: str | None) -> bool:
    """True if the server's details may hold what people stored."""
    return sqlstate is not None and sqlstate.startswith(VALUE_CLASSES)


def translate(sqlstate: str | None, message: str, *, fatal: bool = False) -> DatabaseError | SchemaError:
    """The error to raise for a server's refusal; without a SQLSTATE the connection itself failed. One that is
    `fatal` ended the connection, or did not let it begin: no fault of a statement, whatever its code."""
    if sqlstate is None:
        return ConnectionLost(message, sqlstate)
    error = meaning_of(sqlstate).error
    if fatal and error is DatabaseError:
        error = DatabaseUnavailable
    if issubclass(error, SchemaError):
        return error(f"{message}. Create the tables with scheduler.initialize_db() or `pgq db install`")
    return error(f"{message}{_HINTS.get(sqlstate, '')}", sqlstate)


_HINTS = {
    "25006": ". It was sent to a standby (a read replica), or within a transaction that was begun READ ONLY: "
    "jobs are stored on the primary"
}
