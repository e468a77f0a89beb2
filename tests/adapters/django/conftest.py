"""One database for Django, whose settings are those of the whole process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import django
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from tests.support.databases import Servers, new_database, versions_to_test


@pytest.fixture(scope="session")
def django_dsn(servers: Servers) -> str:
    """The connection string of the alias "default", with the tables that `migrate` has laid."""
    dsn = asyncio.run(new_database(servers[versions_to_test()[0]]))
    where = psycopg.conninfo.conninfo_to_dict(dsn)
    default = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": where["dbname"],
        "USER": where["user"],
        "PASSWORD": where.get("password") or "",
        "HOST": where["host"],
        "PORT": where.get("port") or "",
    }
    settings.configure(
        DATABASES={"default": default, "file": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["pg_scheduler_django", "django_tasks"],
        TASKS={
            "default": {
                "BACKEND": "pg_scheduler_django.TaskBackend",
                "QUEUES": ["default", "mail"],
                "OPTIONS": {"max_retries": 1},
            }
        },
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    return dsn


@pytest.fixture(autouse=True)
def _no_jobs_of_another_test(django_dsn: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM scheduled_jobs; DELETE FROM scheduled_job_attempts")
    yield
    connections.close_all()
