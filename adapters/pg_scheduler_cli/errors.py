"""How the command line fails: one line that says what to do, without a password, and exit code 2."""

from __future__ import annotations

import re
from typing import IO, Any

import click

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError
from pg_scheduler.domain.passwords import masked

EXIT_FAILED = 2
"""The command could not do its work."""
EXIT_NOT_CURRENT = 1
"""The command worked, but the answer is negative, for example "not current" or "no such schedule"."""

_PLACE = re.compile(r"\nLINE \d+:.*\n\s*\^")
"""PostgreSQL's pointer to the place of an error in our statement; of no use to a reader of `pgq`."""

_ADVICE = {
    "28": "Check the user and the password in the connection string",
    "3D000": "Create the database first, for example with createdb, or correct its name",
    "42501": "Grant the missing privilege, or run it as the owner (`pgq db sql` prints what install does)",
    "25006": "This server is read-only: name the primary in the connection string",
    "57P03": "The server is starting: try again in a moment",
    "53300": "The server has no free connection slots: try again later",
}
"""What to do next, by the beginning of the SQLSTATE."""
_UNREACHABLE = "Check that the server runs, and check address, user and database in the connection string"


class Failure(click.ClickException):
    """Ends the command with one line on stderr and exit code 2."""

    exit_code = EXIT_FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"pgq: {self.format_message()}", err=True, file=file)


def explained(error: BaseException, dsn: str = "") -> str:
    """One line: what happened and, unless the error says so itself, what to do next."""
    message = _PLACE.sub("", str(error)) or type(error).__name__
    message = " ".join(masked(message, dsn).split())
    if isinstance(error, ConnectionLost) and dsn:
        message = f"no connection to {masked(dsn)}: {message}"
    return in_sentences(message, _advice(error))


def in_sentences(*parts: str) -> str:
    """The parts that are not empty, with full stops between them unless they end with a question mark."""
    sentences = [part.rstrip(".") for part in parts if part]
    return " ".join(part if part.endswith(("?", "?)")) else f"{part}." for part in sentences).removesuffix(
        "."
    )


def _advice(error: BaseException) -> str:
    if not isinstance(error, DatabaseError):
        return ""
    for beginning, advice in _ADVICE.items():
        if (error.sqlstate or "").startswith(beginning):
            return advice
    return _UNREACHABLE if isinstance(error, ConnectionLost) else ""
