"""Roles with the rights that each kind of process needs, and no others."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler_postgres.catalog import ATTEMPTS, JOBS, LEDGER, LIMITS, QUEUES, TABLES
from pg_scheduler_postgres.columns import PRODUCED
from pg_scheduler_postgres.statements import checked_identifier, quoted

PRODUCER_READS = (JOBS, ATTEMPTS, LIMITS, QUEUES, LEDGER)
"""For handles (status, result, traceback), for the lanes of limited tasks and queues, and for the version."""


@dataclass(frozen=True, slots=True)
class RoleNames:
    """What the three roles are called."""

    admin: str
    """Owns the tables: installs, upgrades, drops."""
    worker: str
    """Runs jobs and schedules; everything but changing the tables."""
    producer: str
    """Stores jobs and asks about them."""


def stored_columns() -> list[str]:
    """What a producer writes. So it cannot store a job that has run already, one that somebody runs, or one
    that passes for a schedule's run and holds that up."""
    return [column.name for column in PRODUCED]


def roles_sql(schema: str, names: RoleNames) -> str:
    """SQL that makes the roles where they are missing, and gives and takes rights until they have these. For
    a superuser or the owner of the tables, which must exist; to be run again after each upgrade.

    Raises:
        InvalidInput: a name that is no identifier.
    """
    place = quoted(checked_identifier("schema", schema))
    admin, worker, producer = (
        quoted(checked_identifier(field, getattr(names, field))) for field in ("admin", "worker", "producer")
    )
    every = [f"{place}.{table.name}" for table in TABLES]
    work = [f"{place}.{table.name}" for table in TABLES if table is not LEDGER]
    lines = [
        *(make_role(role) for role in (admin, worker, producer)),
        # Until version 15 everybody may make functions and tables in "public".
        f"REVOKE CREATE ON SCHEMA {place} FROM PUBLIC, {worker}, {producer};",
        f"GRANT USAGE, CREATE ON SCHEMA {place} TO {admin};",
        f"GRANT USAGE ON SCHEMA {place} TO {worker}, {producer};",
        *(f"ALTER TABLE {table} OWNER TO {admin};" for table in every),
        f"REVOKE ALL ON {', '.join(every)} FROM PUBLIC, {worker}, {producer};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(work)} TO {worker};",
        f"GRANT SELECT ON {place}.{LEDGER.name} TO {worker};",
        f"GRANT INSERT ({', '.join(stored_columns())}) ON {place}.{JOBS.name} TO {producer};",
        f"GRANT SELECT ON {', '.join(f'{place}.{table.name}' for table in PRODUCER_READS)} TO {producer};",
    ]
    return "BEGIN;\n\n" + "\n".join(lines) + "\n\nCOMMIT;\n"


def make_role(role: str) -> str:
    """SQL that makes a role, if it is not there."""
    tag = "$role$"
    while tag in role:
        tag = f"{tag[:-1]}_$"
    return f"DO {tag} BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END {tag};"
