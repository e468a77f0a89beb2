"""SQL files with named parameters, compiled for one schema to ``$1`` placeholders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, shown

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_COMMENT = re.compile(r"--[^\n]*\n")
_OWN_NOW = re.compile(r"coalesce\(:now::timestamptz, ((?:now|clock_timestamp)\(\))\)")
_NULL_NOW = re.compile(r":now::timestamptz")
_LIMIT = re.compile(r"LIMIT (:\w+::integer)")
_ANY_OF_ARRAY = re.compile(r"(ANY|ALL) \((:\w+::\w+\[\])\)")
_SCHEMA = ':"schema"'


@cache
def read_sql(folder: str, name: str) -> str:
    """The text of a packaged SQL file."""
    package = resources.files("pg_scheduler_postgres")
    return package.joinpath(folder, f"{name}.sql").read_text(encoding="utf-8")


def checked_identifier(field: str, name: object) -> str:
    """`name`, fit to be quoted as an identifier.

    Raises:
        InvalidInput: not a str, empty, more than PostgreSQL's 63 bytes, or not printable.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(field, f"expected a name, got {shown(name)}")
    if not name.isprintable() or len(name.encode("utf-8", "surrogatepass")) > 63:
        raise InvalidInput(field, f"{shown(name)} is not an identifier: at most 63 bytes of printable text")
    return name


def quoted(identifier: str) -> str:
    """The identifier as SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def copy_statement(schema: str, table: str, columns: Sequence[str]) -> str:
    """COPY of these columns into a table, from text in UTF-8 whatever the connection's encoding is."""
    names = ", ".join(quoted(column) for column in columns)
    return f"COPY {quoted(schema)}.{quoted(table)} ({names}) FROM STDIN WITH (FORMAT text, ENCODING 'UTF8')"


def in_schema(sql: str, schema: str) -> str:
    """SQL text for one schema, comments left out."""
    return _without_comments(sql).replace(_SCHEMA, quoted(schema))


def _without_comments(sql: str) -> str:
    return _COMMENT.sub("", sql + "\n").strip().rstrip(";")


def channel_of(schema: str, purpose: str = "pg_scheduler") -> str:
    """The NOTIFY channel of a schema: readable where its name is short, hashed where it is long."""
    name = f"{purpose}.{schema}"
    return (
        name if len(name.encode()) < 64 else f"{purpose}#{hashlib.sha256(schema.encode()).hexdigest()[:32]}"
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement."""

    sql: str
    parameters: tuple[str, ...]

    def bind(self, values: dict[str, Any]) -> Sequence[Any]:
        """The values in placeholder order."""
        return [values[name] for name in self.parameters]


class Statements:
    """The packaged statements for one schema, compiled on first use."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.channel = channel_of(schema)
        self.finished_channel = channel_of(schema, "pg_scheduler_ends")
        self.channels = {"channel": self.channel, "finished_channel": self.finished_channel}
        self._compiled: dict[str, Statement] = {}
        self._unpinned: dict[str, Statement] = {}

    def __getitem__(self, name: str) -> Statement:
        """The statement for an instant that a test clock pins."""
        statement = self._compiled.get(name)
        if statement is None:
            statement = self._compiled[name] = _compile(read_sql("sql", name), self.schema)
        return statement

    def unpinned(self, name: str) -> Statement:
        """The statement for the database's own clock, which stands in its text; `PLANNED_ONCE` in a way that
        keeps PostgreSQL from planning each call by itself, which takes longer than a claim."""
        statement = self._unpinned.get(name)
        if statement is None:
            sql = _NULL_NOW.sub("NULL::timestamptz", _OWN_NOW.sub(r"\1", read_sql("sql", name)))
            if name in PLANNED_ONCE:
                sql = planned_once(sql)
            statement = self._unpinned[name] = _compile(sql, self.schema)
        return statement


PLANNED_ONCE = frozenset(
    {
        "advance_schedules",
        "claim",
        "claim_lanes",
        "due_schedules",
        "note_progress",
        "reclaim_expired",
        "renew",
        "request_cancel",
        "settle",
        "settle_completed",
    }
)
"""What workers run all the time. Whatever people ask now and then (`jobs`) gains more from a plan that knows
its values: which statuses it is asked for tells which index there is for them."""


def planned_once(sql: str) -> str:
    """The text, without what makes PostgreSQL prefer a plan for each call by its values: the numbers of a
    LIMIT and the lengths of arrays. Behind a sub-select the planner knows as little of them when it is given
    values as when it is not; so the plan without values looks no dearer, and is kept."""
    sql = _LIMIT.sub(r"LIMIT (SELECT \1)", sql)
    return _ANY_OF_ARRAY.sub(r"\1 (ARRAY(SELECT unnest(\2)))", sql)


def _compile(sql: str, schema: str) -> Statement:
    parameters: dict[str, int] = {}

    def placeholder(match: re.Match[str]) -> str:
        return f"${parameters.setdefault(match.group(1), len(parameters) + 1)}"

    # The schema comes last: its name may hold a colon and a word, and must not be read as a parameter.
    numbered = _PARAMETER.sub(placeholder, _without_comments(sql))
    return Statement(numbered.replace(_SCHEMA, quoted(schema)), tuple(parameters))
