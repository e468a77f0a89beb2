"""SQLSTATE to error: the one place that says which failures are worth another try."""

from __future__ import annotations

from pg_scheduler.domain.errors import (
    ConnectionLost,
    DatabaseError,
    SchemaError,
    TransientDatabaseError,
)

CONNECTION_CLASSES = ("08", "57P01", "57P02", "57P03", "57P05", "53300")
"""Connection exceptions, server shutdown and start-up, idle session ended, too many connections."""
TRANSIENT_CLASSES = ("40", "55P03", "57014", "53", "58")
"""Rollback by the server (deadlock, serialization), lock timeout, cancel, resources, I/O."""
SCHEMA_CODES = ("42P01", "42703", "3F000")
"""Undefined table, undefined column, undefined schema."""
VALUE_CLASSES = ("22", "23")
"""Data exceptions and violated constraints. Their details quote what was refused, a whole row if need be: the
arguments of a job, which no log may show. Of these errors only the message is kept, and not their cause."""


def quotes_values(sqlstate: str | None) -> bool:
    """True if the server's details may hold what people stored."""
    return sqlstate is not None and sqlstate.startswith(VALUE_CLASSES)


def translate(sqlstate: str | None, message: str) -> DatabaseError | SchemaError:
    """The error to raise for a server's refusal; without a SQLSTATE the connection itself failed."""
    if sqlstate is None or sqlstate.startswith(CONNECTION_CLASSES):
        return ConnectionLost(message, sqlstate)
    if sqlstate.startswith(TRANSIENT_CLASSES):
        return TransientDatabaseError(message, sqlstate)
    if sqlstate in SCHEMA_CODES:
        return SchemaError(f"{message}. Create the tables with scheduler.initialize_db() or `pgq db install`")
    return DatabaseError(message, sqlstate)
