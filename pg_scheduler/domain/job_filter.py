"""Which stored jobs are meant, when they are named by what they have in common."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Protocol

from pg_scheduler.domain.states import JobStatus


class Filterable(Protocol):
    """What a filter looks at."""

    @property
    def status(self) -> JobStatus: ...
    @property
    def task_name(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def execution_time(self) -> datetime: ...
    @property
    def error_message(self) -> str | None: ...
    @property
    def worker_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Jobs to which all of this applies; what is left out applies to every job."""

    statuses: tuple[JobStatus, ...] = ()
    """In one of these states; none means all."""
    task_name: str | None = None
    since: datetime | None = None
    """Due then or later."""
    error: str | None = None
    """Part of the error message, whatever the case of its letters. No character is a wildcard."""
    queue: str | None = None
    until: datetime | None = None
    """Due before then."""
    worker_id: str | None = None
    """Whoever runs them, or ran them last."""

    @property
    def criteria(self) -> dict[str, Any]:
        """All of it, by field: what `Insight.jobs` takes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def matches(self, job: Filterable) -> bool:
        """Whether this job is meant."""
        return (
            (not self.statuses or job.status in self.statuses)
            and self.task_name in (None, job.task_name)
            and self.queue in (None, job.queue)
            and self.worker_id in (None, job.worker_id)
            and (self.since is None or job.execution_time >= self.since)
            and (self.until is None or job.execution_time < self.until)
            and (self.error is None or self.error.lower() in (job.error_message or "").lower())
        )

    def only(self, statuses: Collection[JobStatus]) -> JobFilter | None:
        """Those of the jobs that are in one of these states; None if this filter excludes them all."""
        left = tuple(status for status in self.statuses or JobStatus if status in statuses)
        return replace(self, statuses=left) if left else None
