"""Each operator that our SQL applies is PostgreSQL's own, whatever else bears its name on the search path.

PostgreSQL takes an operator for exactly the types at hand before one for which they must be converted
(``double precision * integer``) or for any types (``anyarray && anyarray``), wherever on the search path it
stands. So by its name alone our SQL applies only what pg_catalog has for exactly these types; else it makes
them fit, calls a function, or writes ``OPERATOR(pg_catalog.&&)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import asyncpg

from pg_scheduler import Scheduler
from pg_scheduler_postgres.link import FIND_SCHEMA
from pg_scheduler_postgres.session_settings import APPLY_SETTINGS, READ_SETTINGS
from pg_scheduler_postgres.statements import Statements, statement_names

TYPES = (
    "text", "text[]", "name", '"char"', "boolean", "smallint", "integer", "bigint", "numeric",
    "double precision", "timestamptz", "timestamp", "date", "interval", "jsonb", "oid", "xid",
    "xid8", "regclass",
)  # fmt: skip
"""Of columns, parameters, catalogs and what is computed of them."""
OPERATOR = re.compile(r"'(?:[^']|'')*'|(?P<name>[-+*/<>=~!@#%^&|]+)")
LIKE = {"~~", "!~~"}
"""How PostgreSQL reads LIKE and NOT LIKE."""
NOT_PREPARED = {"create_ledger", "uninstall"}
"""What is not prepared, and applies no operators: tables are made and dropped there."""
PLANT = """
DO $plant$
DECLARE
    types regtype[] := {types}::regtype[];
    gap record;
BEGIN
    CREATE TYPE public.trap AS (sprung boolean);
    FOR gap IN SELECT on_left, on_right FROM unnest(types) AS on_left, unnest(types) AS on_right LOOP
        EXECUTE format(
            'CREATE FUNCTION public.spring(%1$s, %2$s) RETURNS public.trap LANGUAGE sql'
                || ' AS ''SELECT NULL::public.trap''',
            gap.on_left, gap.on_right
        );
    END LOOP;
    FOR gap IN
        SELECT operator, on_left, on_right
        FROM unnest({operators}) AS operator, unnest(types) AS on_left, unnest(types) AS on_right
        WHERE NOT EXISTS (
            SELECT FROM pg_operator
            WHERE oprnamespace = 'pg_catalog'::regnamespace
                AND (oprname, oprleft, oprright) = (operator, on_left, on_right)
        )
    LOOP
        EXECUTE format(
            'CREATE OPERATOR public.%1$s (LEFTARG = %2$s, RIGHTARG = %3$s, FUNCTION = public.spring)',
            gap.operator, gap.on_left, gap.on_right
        );
    END LOOP;
END
$plant$
"""
"""What these operators answer fits nowhere: a statement that would apply one is refused by the server."""


async def test_no_statement_applies_an_operator_of_somebody_else(sql: asyncpg.Connection, dsn: str) -> None:
    statements = Statements("jobs")
    sent = {name: statements.unpinned(name).sql for name in statement_names() if name not in NOT_PREPARED}
    sent |= {f"{name} at a given time": statements.pinned(name).sql for name in sent}
    sent |= {"find": FIND_SCHEMA, "read settings": READ_SETTINGS, "apply settings": APPLY_SETTINGS}
    operators = _operators(sent.values()) | LIKE
    await sql.execute(PLANT.format(types=_array(TYPES), operators=_array(operators)))
    try:
        assert await _refusal(sql, "SELECT 1 WHERE ARRAY['a'] && ARRAY['b']") is not None
        scheduler = Scheduler.connect(dsn, schema="jobs")
        await scheduler.initialize_db()
        await scheduler.shutdown()
        refused = {name: await _refusal(sql, text) for name, text in sent.items()}
    finally:
        await sql.execute("DROP TYPE public.trap CASCADE")
    assert {name: why for name, why in refused.items() if why} == {}


def _operators(texts: Iterable[str]) -> set[str]:
    """The names of the operators in them; ``=>`` is grammar."""
    return {match["name"] for text in texts for match in OPERATOR.finditer(text) if match["name"]} - {"=>"}


def _array(values: Iterable[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{value}'" for value in sorted(values)) + "]"


async def _refusal(sql: asyncpg.Connection, statement: str) -> str | None:
    try:
        await sql.execute(f"PREPARE statement AS {statement}")
        await sql.execute("DEALLOCATE statement")
    except asyncpg.PostgresError as error:
        return str(error)
    return None
