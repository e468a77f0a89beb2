"""System checks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler_django.conf import conf


def check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """E001: the setting cannot be read; E002: its database is not there, or no PostgreSQL; E003: Django
    uses psycopg2."""
    try:
        alias = conf().database
    except (ImproperlyConfigured, TypeError) as error:
        return [Error(str(error), id="pg_scheduler.E001")]
    settings = connections.settings.get(alias)
    if settings is None:
        return [Error(f"PG_SCHEDULER: DATABASES has no alias {alias!r}", id="pg_scheduler.E002")]
    wrapper = connections[alias]
    if wrapper.vendor != "postgresql":
        return [
            Error(
                f"PG_SCHEDULER: the database {alias!r} is {wrapper.vendor}",
                hint="Jobs need PostgreSQL. Name another alias: PG_SCHEDULER = {'DATABASE': ...}",
                id="pg_scheduler.E002",
            )
        ]
    if wrapper.Database.__name__ != "psycopg":
        return [
            Error(
                "Django uses psycopg2, which cannot carry jobs",
                hint="Install psycopg 3, and Django uses it: pip install 'psycopg[binary]'",
                id="pg_scheduler.E003",
            )
        ]
    return []


def check_tables(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W001: the tables are missing or older than the code (with `check --database`)."""
    from pg_scheduler_django.tables import status

    alias = conf().database
    if alias not in (databases or ()) or "migrate" in sys.argv[1:2]:
        return []
    try:
        found = status(alias)
    except PgSchedulerError as error:
        return [Error(str(error), id="pg_scheduler.E004")]
    if found.current:
        return []
    return [
        Warning(
            f"the tables of pg_scheduler are at version {found.version} of {found.latest}, or not complete",
            hint="Run: manage.py migrate",
            id="pg_scheduler.W001",
        )
    ]
