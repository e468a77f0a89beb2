"""Roles for people who look, and for people who act: less than a worker has."""

from __future__ import annotations

from pg_scheduler_postgres.catalog import (
    AUDIT,
    AUDIT_JOBS,
    JOBS,
    LANES,
    LIMITS,
    QUEUES,
    SCHEDULES,
    TABLES,
    WORKERS,
    Table,
)
from pg_scheduler_postgres.columns import type_in
from pg_scheduler_postgres.roles import make_role
from pg_scheduler_postgres.statements import checked_identifier, quoted

PRIVATE: dict[str, dict[str, str | None]] = {
    JOBS.name: {"task_data": None, "payload": None, "headers": None, "result": None},
    SCHEDULES.name: {"task_data": "'{}'"},
}
"""Columns that a reader does not see, with what stands in their place."""

MOVED = (
    "status", "execution_time", "epoch", "retry_count", "crash_count", "attempt_count", "started_at",
    "finished_at", "lease_until", "last_heartbeat", "worker_id", "cancel_requested_at", "superseded",
    "error_message", "error_type", "error_frame", "error_group", "result",
    "progress_done", "progress_total", "lane", "counts_epoch", "counts_name",
    "counts_lane", "counts_queue",
)  # fmt: skip
"""Columns of jobs that an operator may write: where a job is in its life, not what it runs, and with which
arguments."""
_STEERED: tuple[tuple[Table, str], ...] = (
    (LIMITS, "INSERT, UPDATE, DELETE"),
    (QUEUES, "INSERT, UPDATE"),
    (LANES, "INSERT, UPDATE"),
    (AUDIT, "INSERT, UPDATE (affected)"),
    (AUDIT_JOBS, "INSERT"),
    (WORKERS, "UPDATE (wish)"),
    (SCHEDULES, "UPDATE (paused, mark, next_window)"),
)


def views_schema(schema: str, reader: str) -> str:
    """Where the views of a reader are."""
    return checked_identifier("schema", f"{schema}_{reader}")


def reader_sql(schema: str, reader: str) -> str:
    """SQL that makes a role that reads everything but what is private. It reads views of the tables' names in
    a schema of its own, so that every question works there as it is: ``--schema <schema>_<reader>``. For a
    superuser, or the owner of the tables; to be run again after each upgrade.

    Raises:
        InvalidInput: a name that is no identifier.
    """
    place = quoted(checked_identifier("schema", schema))
    views = quoted(views_schema(schema, reader))
    role = quoted(checked_identifier("reader", reader))
    lines = [make_role(role), f"CREATE SCHEMA IF NOT EXISTS {views};"]
    for table in TABLES:
        lines += [
            f"DROP VIEW IF EXISTS {views}.{table.name};",
            f"CREATE VIEW {views}.{table.name} AS SELECT {_shown(table)} FROM {place}.{table.name};",
            f"REVOKE ALL ON {views}.{table.name} FROM PUBLIC, {role};",
            f"GRANT SELECT ON {views}.{table.name} TO {role};",
        ]
    lines += [f"REVOKE ALL ON SCHEMA {views} FROM PUBLIC;", f"GRANT USAGE ON SCHEMA {views} TO {role};"]
    return _script(lines)


def _shown(table: Table) -> str:
    private = PRIVATE.get(table.name, {})
    columns = [
        f"{private[name] or 'NULL'}::{type_in(definition)} AS {name}" if name in private else name
        for name, definition in table.columns.items()
    ]
    # A view has no such column by itself, and `why` reads from it who holds a row.
    return ", ".join([*columns, "xmax"] if table is JOBS else columns)


def operator_sql(schema: str, operator: str) -> str:
    """SQL that makes a role that reads everything, and steers: it cancels, retries, pauses, limits, and asks
    things of workers. It can neither store a job nor change what one runs. As `reader_sql` otherwise.

    Raises:
        InvalidInput: a name that is no identifier.
    """
    place = quoted(checked_identifier("schema", schema))
    role = quoted(checked_identifier("operator", operator))
    every = ", ".join(f"{place}.{table.name}" for table in TABLES)
    lines = [
        make_role(role),
        f"GRANT USAGE ON SCHEMA {place} TO {role};",
        f"REVOKE ALL ON {every} FROM {role};",
        f"GRANT SELECT ON {every} TO {role};",
        f"GRANT UPDATE ({', '.join(MOVED)}) ON {place}.{JOBS.name} TO {role};",
        *(f"GRANT {rights} ON {place}.{table.name} TO {role};" for table, rights in _STEERED),
    ]
    return _script(lines)


def _script(lines: list[str]) -> str:
    return "BEGIN;\n\n" + "\n".join(lines) + "\n\nCOMMIT;\n"
