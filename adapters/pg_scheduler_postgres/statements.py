"""SQL files with named parameters, compiled for one schema to ``$1`` placeholders.

What is sent is what stands in the file, but for what the file itself marks: ``-- include: name`` is a
fragment, ``:name`` a parameter, and ``:"schema"``, ``:NOW`` and ``:WALL_CLOCK`` stand for the schema and the
clock. What stands in quotes is left alone, and comments are left out. `pgq db sql --statement NAME` prints
the result.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler_postgres.column_fragments import COLUMN_FRAGMENTS

_INCLUDE = re.compile(r"^( *)(.*?)-- include: (\w+)(.*)\n", re.MULTILINE)
_TOKEN = re.compile(
    r"""
    (?P<comment> ^[ ]*--[^\n]*\n | [ ]*--[^\n]* )
    | (?P<indent> ^[ ]+ )
    | (?P<literal> '[^']*' )
    | (?P<schema> :"schema" )
    | (?P<identifier> "[^"]*" )
    | (?P<cast> :: )
    | :(?P<clock> NOW | WALL_CLOCK )\b
    | (?<!\w) :(?P<parameter> [a-z_]+ )
        (?: ::(?P<type> (?: double\ precision | timestamp\ with\ time\ zone | \w+ ) (?: \[\] )? ) )?
    """,
    re.MULTILINE | re.VERBOSE,
)
_OWN_CLOCK = {"NOW": "pg_catalog.now()", "WALL_CLOCK": "pg_catalog.clock_timestamp()"}


@cache
def read_sql(folder: str, name: str) -> str:
    """The text of a packaged SQL file."""
    package = resources.files("pg_scheduler_postgres")
    return package.joinpath(folder, f"{name}.sql").read_text(encoding="utf-8")


def statement_names() -> list[str]:
    """The packaged statements."""
    folder = resources.files("pg_scheduler_postgres").joinpath("sql")
    return sorted(
        entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql")
    )


def summary_of(name: str) -> str:
    """What the comment above a statement says."""
    lines = []
    for line in read_sql("sql", name).splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


@cache
def expanded(name: str) -> str:
    """The text of a statement with the fragments that it includes."""
    return _expanded(read_sql("sql", name))


def _expanded(sql: str) -> str:
    def fragment(match: re.Match[str]) -> str:
        indent, before, name, after = match.groups()
        text = _expanded(COLUMN_FRAGMENTS.get(name) or read_sql("fragments", name))
        lines = text.rstrip("\n").replace("\n", f"\n{indent}")
        return f"{indent}{before}{lines}{after}\n"

    return _INCLUDE.sub(fragment, sql)


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
    return compiled(sql, schema).sql


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
    types: dict[str, str]
    """The type in which each parameter crosses, in the order of the placeholders."""
    parameters: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.types))

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
        self._pinned: dict[str, Statement] = {}
        self._unpinned: dict[str, Statement] = {}

    def pinned(self, name: str) -> Statement:
        """The statement for an instant that a test's clock pins: the parameter `now`."""
        statement = self._pinned.get(name)
        if statement is None:
            statement = self._pinned[name] = compiled(expanded(name), self.schema, pinned=True)
        return statement

    def unpinned(self, name: str) -> Statement:
        """The statement for the database's own clock. As a parameter the time would keep PostgreSQL from
        planning a statement once, as it knows less of a value than of `now()`."""
        statement = self._unpinned.get(name)
        if statement is None:
            statement = self._unpinned[name] = compiled(expanded(name), self.schema)
        return statement


def compiled(sql: str, schema: str, *, pinned: bool = False) -> Statement:
    """A statement with its markers replaced, and without comments and indents: asyncpg prepares a text anew
    each time that is longer than 15 KiB. What stands in quotes stays as it is. If pinned, the clock is a
    parameter, `now`."""
    types: dict[str, str] = {}

    def placeholder(name: str, kind: str) -> str:
        types.setdefault(name, kind)
        return f"${list(types).index(name) + 1}" + (f"::{kind}" if kind else "")

    def replaced(match: re.Match[str]) -> str:
        if match["comment"] or match["indent"]:
            return ""
        if match["schema"]:
            return quoted(schema)
        if match["parameter"]:
            return placeholder(match["parameter"], match["type"] or "")
        if match["clock"]:
            return placeholder("now", "timestamptz") if pinned else _OWN_CLOCK[match["clock"]]
        return match[0]

    return Statement(_TOKEN.sub(replaced, sql + "\n").strip().rstrip(";").rstrip(), types)
