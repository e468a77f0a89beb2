"""What `manage.py migrate` lays is what `pgq db sql` prints."""

from __future__ import annotations

import asyncio
import os

import asyncpg
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings

from pg_scheduler_postgres.migration_steps import install_sql
from tests.support.catalog import shape_of


def test_migrate_and_the_printed_sql_agree(django_dsn: str) -> None:
    async def compare() -> None:
        ours = await asyncpg.connect(django_dsn)
        await ours.execute("CREATE SCHEMA printed")
        await ours.execute(install_sql("printed"))
        laid, printed = await shape_of(ours, "public"), await shape_of(ours, "printed")
        for kind, found in laid.items():
            assert {row for row in found if not row[0].startswith("django_")} == printed[kind]
        await ours.execute("DROP SCHEMA printed CASCADE")
        await ours.close()

    asyncio.run(compare())


def test_models_are_in_step_with_their_migration(django_dsn: str) -> None:
    call_command("makemigrations", "pg_scheduler", check=True, dry_run=True, verbosity=0)
    from pg_scheduler_django.models import Job, Schedule, Worker

    for model in (Job, Schedule, Worker):
        assert list(model.objects.all()) == []


def test_migrate_heals_and_brings_newer_tables(django_dsn: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE scheduled_job_audit")
    from django.core.checks import run_checks

    (warning,) = run_checks(databases=["default"], include_deployment_checks=False)
    assert warning.id == "pg_scheduler.W001"
    call_command("migrate", verbosity=0)
    assert run_checks(databases=["default"]) == []


@pytest.mark.parametrize(
    ("setting", "code"),
    [({"DATABASE": "other"}, "E002"), ({"DATABASE": "file"}, "E002"), ({"DATABSE": "x"}, "E001")],
)
def test_settings_that_cannot_work_are_said(django_dsn: str, setting: dict[str, str], code: str) -> None:
    from pg_scheduler_django.checks import check_settings

    with override_settings(PG_SCHEDULER=setting):
        (error,) = check_settings(None)
    assert error.id == f"pg_scheduler.{code}"


def test_the_command_line_is_pgq_on_this_database(
    django_dsn: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "PG_SCHEDULER_DSN", "")
    with pytest.raises(SystemExit) as ended:
        call_command("pgq", "db", "status")
    assert (ended.value.code, "current" in capsys.readouterr().out) == (0, True)
