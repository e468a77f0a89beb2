"""What the migrations make is what the code says that there is."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.domain.model import ClaimedJob, JobRecord, NewJob
from pg_scheduler_postgres.catalog import CHECKS, TABLES, Table
from pg_scheduler_postgres.columns import JOB_COLUMNS, PARAMETERS
from pg_scheduler_postgres.migration_steps import all_migrations

COLUMNS = """
    SELECT c.relname AS table_name, a.attname AS name, format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attcollation = 'pg_catalog."C"'::regcollation THEN ' COLLATE "C"' ELSE '' END
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
INDEXES = """
    SELECT i.indrelid::regclass::text AS table_name, c.relname AS name, i.indisprimary AS primary,
        CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
            || substring(pg_get_indexdef(c.oid) FROM ' USING btree (.*)') AS definition
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE c.relnamespace = 'public'::regnamespace
"""
OTHER_CONSTRAINTS = """
    SELECT conname FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype NOT IN ('p', 'n')
"""


async def installed(sql: asyncpg.Connection) -> list[Table]:
    """The tables that are there."""
    columns: dict[str, dict[str, str]] = {}
    for row in await sql.fetch(COLUMNS):
        columns.setdefault(row["table_name"], {})[row["name"]] = row["definition"]
    indexes: dict[str, dict[str, str]] = {table: {} for table in columns}
    keys: dict[str, tuple[str, ...]] = {}
    for row in await sql.fetch(INDEXES):
        if row["primary"]:
            keys[row["table_name"]] = tuple(
                row["definition"].removeprefix("UNIQUE (").rstrip(")").split(", ")
            )
        else:
            indexes[row["table_name"]][row["name"]] = row["definition"]
    return [Table(name, columns[name], keys[name], indexes[name]) for name in columns]


async def test_the_migrations_make_what_the_code_wants(client: Scheduler, sql: asyncpg.Connection) -> None:
    """A column, an index or a table that only a migration knows would never be healed."""
    found = {table.name: table for table in await installed(sql)}
    assert found == {table.name: table for table in TABLES}
    assert {row["conname"] for row in await sql.fetch(OTHER_CONSTRAINTS)} == set(CHECKS)


async def test_each_column_of_a_job_comes_with_its_migration(sql: asyncpg.Connection) -> None:
    for migration in all_migrations():
        await sql.execute(migration.sql("public"))
        (jobs,) = [table for table in await installed(sql) if table.name == "scheduled_jobs"]
        assert set(jobs.columns) == {one.name for one in JOB_COLUMNS if one.since <= migration.version}


FIELDS: dict[type, set[str | None]] = {
    NewJob: {"fresh_id", *(parameter.field for parameter in PARAMETERS)},
    ClaimedJob: {column.claimed for column in JOB_COLUMNS},
    JobRecord: {column.shown for column in JOB_COLUMNS} - {"lane", "progress_done", "progress_total"}
    | {"limit_key", "progress"},
}


@pytest.mark.parametrize("record", FIELDS)
def test_every_field_of_a_record_has_its_column(record: Any) -> None:
    assert FIELDS[record] - {None} == {field.name for field in fields(record)}
