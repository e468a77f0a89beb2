"""What PostgreSQL's catalogs say about a schema, to compare two ways of installing."""

from __future__ import annotations

from typing import Any

import asyncpg

DOCUMENTED_TABLE = """
    CREATE TABLE scheduled_jobs (
        job_id TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
        job_name TEXT NOT NULL,
        execution_time TIMESTAMPTZ NOT NULL,
        status TEXT DEFAULT 'pending',
        task_data JSONB,
        created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
        last_heartbeat TIMESTAMPTZ,
        lease_until TIMESTAMPTZ,
        priority INTEGER DEFAULT 5,
        retry_count INTEGER DEFAULT 0,
        max_retries INTEGER DEFAULT 0,
        worker_id TEXT,
        error_message TEXT
    )
"""
"""All that an older installation has."""

PUBLISHED_STATISTICS = """
    CREATE TABLE IF NOT EXISTS vacuum_stats (
        stat_date DATE PRIMARY KEY DEFAULT CURRENT_DATE,
        deleted_completed INTEGER DEFAULT 0,
        deleted_failed INTEGER DEFAULT 0,
        deleted_cancelled INTEGER DEFAULT 0,
        last_run TIMESTAMPTZ,
        worker_id TEXT
    );
    INSERT INTO vacuum_stats VALUES (CURRENT_DATE, 3, 2, 1, now(), 'deadbeef');
    INSERT INTO vacuum_stats VALUES (CURRENT_DATE - 1, 2000000000, NULL, 0, now(), NULL);
    INSERT INTO vacuum_stats (stat_date) VALUES ('2020-01-02');
"""
"""What pg-scheduler 0.2.3 makes besides where it counts what it deletes."""

_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = $1"
_TABLES = "SELECT relname, reloptions FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'"


async def shape_of(sql: asyncpg.Connection, schema: str) -> dict[str, set[Any]]:
    """Columns with their types and defaults, indexes and storage settings, without the schema's name."""
    found = {
        "columns": await sql.fetch(_COLUMNS, schema),
        "indexes": await sql.fetch(_INDEXES, schema),
        "tables": await sql.fetch(_TABLES, schema),
    }
    return {
        kind: {tuple(str(value).replace(f"{schema}.", "") for value in row) for row in rows}
        for kind, rows in found.items()
    }
