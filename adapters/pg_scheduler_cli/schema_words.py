"""Describes in words which tables are installed."""

from __future__ import annotations

from collections.abc import Sequence

from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_postgres.catalog import WANTED

UNUPGRADED_TABLE = "scheduled_jobs.job_id"
"""At version 0: present if there is a table from before version 1 to upgrade, missing if there is none."""


def nothing_there(status: SchemaStatus) -> bool:
    """True if the schema holds no table of ours, in any version."""
    return status.version == 0 and UNUPGRADED_TABLE in status.missing


def verdict(status: SchemaStatus) -> str:
    """One line: what is there, and what to do if that is not enough."""
    return f"schema {status.schema!r}: {_finding(status)}"


def _finding(status: SchemaStatus) -> str:
    if status.current:
        newer = f" (this program has {status.latest})" if status.version > status.latest else ""
        return f"version {status.version}, current{newer}"
    if nothing_there(status):
        return "not installed. Create the tables: pgq db install"
    if status.version == 0:
        old = f"a scheduled_jobs table from before version 1 of {status.latest}"
        if _published_statistics(status):
            old += ", and the vacuum_stats of pg-scheduler 0.2.3, of which all days are kept"
        return f"{old}. Upgrade it: pgq db upgrade"
    if status.version < status.latest:
        return f"version {status.version} of {status.latest}. Upgrade: pgq db upgrade"
    return f"version {status.version}, but {', '.join(gaps(status.missing))} missing. Heal: pgq db install"


def _published_statistics(status: SchemaStatus) -> bool:
    """True if there is a `vacuum_stats` with other columns than ours."""
    return "vacuum_stats.day" in status.missing and "vacuum_stats.deleted_completed" not in status.missing


def gaps(missing: Sequence[str]) -> list[str]:
    """What is missing, with a table instead of all its columns: ``table a``, ``column b.c``, ``index d``."""
    gone = set(missing)
    found = []
    for relation, columns in WANTED.items():
        absent = [column for column in columns if f"{relation}.{column}" in gone]
        if not columns and relation in gone:
            found.append(f"index {relation}")
        elif columns and len(absent) == len(columns):
            found.append(f"table {relation}")
        else:
            found += [f"column {relation}.{column}" for column in absent]
    return found
