"""What our statements ask of a database, as the guide on scaling out says, statement by statement."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pg_scheduler_postgres.statements import expanded, statement_names
from tests.docs.tables import names, table

WITHIN = re.compile(r'AS (?:MATERIALIZED )?\(\s*(?:UPDATE|INSERT INTO|DELETE FROM) :"schema"\.(\w+)')
CHANGES = re.compile(r'^\s*(?:UPDATE|INSERT INTO|DELETE FROM) :"schema"\.(\w+)', re.MULTILINE)
WORDS = {
    "`FOR UPDATE SKIP LOCKED`": r"SKIP LOCKED",
    "`pg_notify`": r"pg_notify",
    "transaction ids and system columns": r"\bxmax\b|\bxmin\b|\bctid\b|pg_current_xact|pg_snapshot|pg_xact",
}


def needs(sql: str) -> Iterator[str]:
    """What one statement needs."""
    yield from (need for need, pattern in WORDS.items() if re.search(pattern, sql))
    if WITHIN.search(sql):
        yield "data-modifying CTEs"
    if any(number > 1 for number in Counter(CHANGES.findall(sql)).values()):
        yield "one table changed in two places"


def test_the_guide_says_which_statements_need_what() -> None:
    found: dict[str, set[str]] = {}
    for name in statement_names():
        if not name.startswith("try_"):
            for need in needs(re.sub(r"--[^\n]*", "", expanded(name))):
                found.setdefault(need, set()).add(name)
    rows = table("docs/guides/scaling-out.md", "needs", "statements")
    assert {need: set(names(cell)) for need, cell in rows} == found
