"""The tables as Django sees them: to read and to filter. Whoever writes goes through the library's verbs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from pg_scheduler.domain.states import JobStatus


class Job(models.Model):
    """One stored job."""

    job_id = models.TextField("id", primary_key=True)
    task = models.TextField(db_column="job_name")
    queue = models.TextField()
    status = models.TextField(choices=[(str(status), str(status)) for status in JobStatus])
    priority = models.IntegerField("rank")
    execution_time = models.DateTimeField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    worker_id = models.TextField("worker", null=True)
    attempt_count = models.IntegerField("attempts")
    retry_count = models.IntegerField("retries")
    max_retries = models.IntegerField()
    task_data = models.JSONField("arguments")
    headers = models.JSONField(null=True)
    result = models.JSONField(null=True)
    error_message = models.TextField("error", null=True)
    dedupe_key = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "scheduled_jobs"
        ordering: ClassVar[Any] = ["-created_at", "-job_id"]

    def __str__(self) -> str:
        return f"{self.task} {self.job_id}"


class Worker(models.Model):
    """A worker that has shown a sign of life and not said goodbye."""

    worker_id = models.TextField("id", primary_key=True)
    hostname = models.TextField()
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField()
    state = models.TextField(null=True)
    app_version = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "scheduled_job_workers"
        ordering: ClassVar[Any] = ["worker_id"]

    def __str__(self) -> str:
        return f"{self.worker_id} on {self.hostname}"


class Schedule(models.Model):
    """A rule that creates jobs repeatedly."""

    schedule_key = models.TextField("key", primary_key=True)
    task = models.TextField(db_column="task_name")
    spec = models.JSONField("rule")
    paused = models.BooleanField()
    mark = models.DateTimeField("latest window", null=True)
    next_window = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "scheduled_job_schedules"
        ordering: ClassVar[Any] = ["schedule_key"]

    def __str__(self) -> str:
        return str(self.schedule_key)
