"""The tables, which Django does not manage. The fields of such models are no business of migrations."""

from typing import Any, ClassVar

from django.db import migrations, models

from pg_scheduler_django.tables import InstallTables


def unmanaged(name: str, table: str, key: str, ordering: list[str]) -> migrations.CreateModel:
    """A model over a table that is ours."""
    options = {"db_table": table, "managed": False, "ordering": ordering}
    return migrations.CreateModel(name, [(key, models.TextField(primary_key=True))], options)


class Migration(migrations.Migration):
    initial = True
    atomic = False  # indexes of an installation in use are built concurrently
    dependencies: ClassVar[list[Any]] = []
    operations: ClassVar[list[Any]] = [
        InstallTables(),
        unmanaged("Job", "scheduled_jobs", "job_id", ["-created_at", "-job_id"]),
        unmanaged("Schedule", "scheduled_job_schedules", "schedule_key", ["schedule_key"]),
        unmanaged("Worker", "scheduled_job_workers", "worker_id", ["worker_id"]),
    ]
