"""Each function that our SQL calls is PostgreSQL's own, whatever else bears its name on the search path."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pg_scheduler_postgres
from pg_scheduler_postgres.statements import Statements, statement_names

PACKAGE = Path(pg_scheduler_postgres.__file__).parent
ADAPTERS = sorted(PACKAGE.parent.glob("pg_scheduler_*/**/*.py"))
MIGRATIONS = sorted(PACKAGE.glob("migrations/*.sql"))
GRAMMAR = {
    "array",
    "all",
    "any",
    "cast",
    "coalesce",
    "exists",
    "extract",
    "greatest",
    "in",
    "least",
    "nullif",
    "row",
}
"""What looks like a call and is none: its name is looked for nowhere."""
_ARRAY = r"(?:[^(),]|\(SELECT [^(),]+\))+"
CALL = re.compile(
    r'''--[^\n]*|'(?:[^']|'')*'|"[^"]*"'''  # these call nothing
    rf"""|\bunnest\({_ARRAY}(?:,{_ARRAY})+\)"""
    r"""|(?<![\w.])(?P<name>[a-z_][\w.]*)\("""
)
"""Of several arrays, `unnest` is grammar too: PostgreSQL reads it as its own function of each."""
IS_SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER)\s")


def bare_calls(sql: str) -> set[str]:
    """Calls that the search path decides."""
    names = {match["name"].lower() for match in CALL.finditer(sql) if match["name"]}
    return {name for name in names - GRAMMAR if not name.startswith("pg_catalog.")}


@pytest.mark.parametrize("name", statement_names())
def test_a_statement_calls_only_what_is_qualified(name: str) -> None:
    statements = Statements("jobs")
    for statement in (statements.pinned(name), statements.unpinned(name)):
        assert bare_calls(statement.sql) == set()


@pytest.mark.parametrize("file", MIGRATIONS, ids=lambda file: file.name)
def test_a_migration_calls_only_what_is_qualified(file: Path) -> None:
    assert bare_calls(file.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("file", ADAPTERS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_sql_among_python_calls_only_what_is_qualified(file: Path) -> None:
    assert {call for sql in _texts(file) for call in bare_calls(sql)} == set()


def test_a_bare_call_would_be_found() -> None:
    assert bare_calls("SELECT now(), coalesce(pg_catalog.now(), 'count(1)') -- min(x)") == {"now"}
    assert bare_calls("SELECT * FROM unnest($1::text[])") == {"unnest"}
    assert bare_calls("SELECT * FROM unnest($1::text[], $2::text[])") == set()
    assert bare_calls("SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), $3::text[])") == set()
    assert bare_calls("SELECT * FROM unnest((SELECT $1::text[]))") == {"unnest"}
    assert bare_calls("SELECT * FROM unnest($1::text[], (SELECT now()))") != set()


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and IS_SQL.match(node.value):
            yield node.value
