"""The tables in revisions of Alembic's, and an `env.py` that leaves them alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from sqlalchemy import text

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.inputs import checked_count
from pg_scheduler_postgres.catalog import TABLES
from pg_scheduler_postgres.migration_steps import all_migrations, schema_unless_there
from pg_scheduler_postgres.statements import Statements, checked_identifier, in_schema, quoted, read_sql

OURS = frozenset(table.name for table in TABLES)
"""The tables, by name."""


def upgrade_tables(op: Any, to: int, *, since: int = 0, schema: str = "public") -> None:
    """Bring the tables to a version, in a revision's ``upgrade()``: ``upgrade_tables(op, to=18)``. What is
    there already stays as it is, so it does not matter whether a worker or `pgq db upgrade` came before.

    It runs in the revision's transaction, and builds indexes within it, so those who store jobs wait. Where
    millions are stored, run `pgq db upgrade` before: it builds them beside what goes on.

    Args:
        op: ``alembic.op``.
        to: a version, as `pgq db status` shows it. Of an older one workers make the newest at their start, if
            they may.
        since: for scripts (``alembic upgrade --sql``), which see no database: what is there already.
        schema: where the tables live.

    Raises:
        InvalidInput: there is no such version.
    """
    checked_identifier("schema", schema)
    latest = all_migrations()[-1].version
    if not 1 <= checked_count("to", to) <= latest:
        raise InvalidInput("to", f"there is no version {to}", f"The newest is {latest}")
    for statement in (schema_unless_there(schema), in_schema(read_sql("sql", "create_ledger"), schema)):
        _execute(op, statement)
    installed = max(checked_count("since", since), _installed(op, schema))
    for statement in _upgrade(schema, installed, to):
        _execute(op, statement)


def drop_tables(op: Any, *, schema: str = "public") -> None:
    """Drop the tables, with every job, in a revision's ``downgrade()``."""
    _execute(op, Statements(checked_identifier("schema", schema)).unpinned("uninstall").sql)


def include_name(
    name: str | None, type_: str, parent_names: MutableMapping[str, str | None] | None = None
) -> bool:
    """What autogenerate is to look at: everything but our tables, which it would want to drop. For
    ``context.configure(include_name=include_name)`` in ``env.py``."""
    return not (type_ == "table" and name in OURS)


def _installed(op: Any, schema: str) -> int:
    if op.get_context().as_sql:
        return 0
    sql = f"SELECT pg_catalog.max(version) FROM {quoted(schema)}.scheduled_job_migrations"
    return op.get_bind().execute(_literally(sql)).scalar() or 0


def _upgrade(schema: str, installed: int, to: int) -> Iterator[str]:
    for migration in all_migrations():
        if installed < migration.version <= to:
            for change in migration.changes:
                yield change.sql(schema)
            yield migration.note(schema)


def _execute(op: Any, statement: str) -> None:
    op.execute(_literally(statement))


def _literally(statement: str) -> Any:
    """The statement, of which nothing is taken for a parameter."""
    return text(re.sub(r"(?<!:):(?!:)", r"\\:", statement.strip().removesuffix(";")))
