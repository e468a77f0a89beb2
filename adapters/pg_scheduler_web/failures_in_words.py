"""What a failure of the database means to whoever looks at the page."""

from __future__ import annotations

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, ReadOnlyServer
from pg_scheduler.domain.passwords import masked

_TOO_LONG = "57014"
NOT_ALLOWED = "42501"
READ_ONLY = "25006"
_MISSING = ("42P01", "3F000", "42703", "42883")
"""Tables, schemas, columns and functions that are not there."""


def database_words(error: BaseException) -> str:
    """In a sentence, without passwords."""
    message = masked(str(error))
    if not isinstance(error, DatabaseError):
        return "The database did not answer in time: it is busy, or all connections are in use."
    if isinstance(error, ConnectionLost):
        return f"The database cannot be reached: {message}"
    if error.sqlstate == _TOO_LONG:
        return "This took the database longer than 3 seconds, and was given up."
    if error.sqlstate in _MISSING:
        return f"The tables are missing, or not of this version: {message}. `pgq db install` makes them."
    if error.sqlstate == READ_ONLY or isinstance(error, ReadOnlyServer):
        return f"This database only lets itself be read (a standby, perhaps): nothing was changed. {message}"
    if error.sqlstate == NOT_ALLOWED:
        return f"The role of this page may not do that: {message}"
    return message
