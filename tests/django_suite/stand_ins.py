"""Our backend in the places of the two that Django tests: one that keeps, and one that runs at once.

Their tests name these classes in settings and in `isinstance`, so ours are put where theirs are found.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pg_scheduler_django import interface
from pg_scheduler_django.backend import TaskBackend
from pg_scheduler_django.testing import run_due_jobs


class Keeping(TaskBackend):
    """What Django's DummyBackend also has: a list of what was enqueued."""

    @property
    def results(self) -> list[Any]:
        """Every task as it is stored, in the order in which they were."""
        jobs = sorted(self.scheduler.jobs(limit=1_000), key=lambda job: (job.created_at, job.job_id))
        return [self.get_result(job.job_id) for job in jobs]

    def clear(self) -> None:
        """Forget them all."""
        clear_tables()


class RunningAtOnce(TaskBackend):
    """As Django's ImmediateBackend: whatever is enqueued is run, and shown as it has ended."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        stored = super().enqueue(task, args, kwargs)
        run_due_jobs(raise_errors=False)
        return self.get_result(stored.id)


def put_in_place() -> None:
    """Give them the names of Django's."""
    package = interface.BaseTaskBackend.__module__.rpartition(".")[0]
    for module, name, ours in (
        ("dummy", "DummyBackend", Keeping),
        ("immediate", "ImmediateBackend", RunningAtOnce),
    ):
        setattr(import_module(f"{package}.{module}"), name, ours)


def clear_tables() -> None:
    """No jobs, and nothing of their history."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM scheduled_jobs; DELETE FROM scheduled_job_attempts")
