"""Jobs in Django's admin: to look at, to retry and to cancel."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages

from pg_scheduler import RetryAnswer, SyncScheduler
from pg_scheduler.domain.states import UNFINISHED
from pg_scheduler_django.conf import conf
from pg_scheduler_django.models import Job, Schedule, Worker


class ReadOnly(admin.ModelAdmin):
    """Nobody adds, changes or deletes rows by hand."""

    def has_add_permission(self, request: Any) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def get_queryset(self, request: Any) -> Any:
        """From the database that the setting names."""
        return super().get_queryset(request).using(conf().database)


@admin.register(Job)
class JobAdmin(ReadOnly):
    """The jobs. Who has the permission to change them may retry and cancel."""

    list_display = ("task", "status", "queue", "execution_time", "attempt_count", "error_message", "job_id")
    list_filter = ("status", "queue", "task")
    search_fields = ("=job_id", "task", "error_message")
    actions: ClassVar[Any] = ["retry_jobs", "cancel_jobs"]
    show_full_result_count = False

    @admin.action(description="Run again", permissions=["steer"])
    def retry_jobs(self, request: Any, queryset: Any) -> None:
        """Run those that have ended once more."""
        answers = _verbs().retry(list(queryset.values_list("job_id", flat=True)))
        retried = answers.count(RetryAnswer.RETRIED)
        self.message_user(request, f"{retried} of {len(answers)} will run again", messages.SUCCESS)

    @admin.action(description="Cancel", permissions=["steer"])
    def cancel_jobs(self, request: Any, queryset: Any) -> None:
        """Stop those that have not ended."""
        unfinished = queryset.filter(status__in=[str(status) for status in UNFINISHED])
        answers = _verbs().cancel(list(unfinished.values_list("job_id", flat=True)))
        self.message_user(request, f"{len(answers)} cancelled, or asked to stop", messages.SUCCESS)

    def has_steer_permission(self, request: Any) -> bool:
        """Whether the user may run and stop jobs."""
        allowed: bool = request.user.has_perm("pg_scheduler.change_job")
        return allowed


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    """The workers."""

    list_display = ("worker_id", "hostname", "pid", "state", "last_seen", "app_version")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly):
    """The schedules."""

    list_display = ("schedule_key", "task", "paused", "mark", "next_window")


def _verbs() -> SyncScheduler:
    given = conf()
    return SyncScheduler(given.database, schema=given.schema)
