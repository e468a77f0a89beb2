"""Which stored jobs are meant, when they are named by what they have in common."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Protocol

from pg_scheduler.domain.states import JobStatus

OF_ARGUMENTS = ("args", "kwargs")
"""Where a path of an argument may begin; any other begins within the keyword arguments."""


class Selectable(Protocol):
    """What a selection looks at."""

    @property
    def job_id(self) -> str: ...
    @property
    def status(self) -> JobStatus: ...
    @property
    def task_name(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def execution_time(self) -> datetime: ...
    @property
    def finished_at(self) -> datetime | None: ...
    @property
    def error_message(self) -> str | None: ...
    @property
    def worker_id(self) -> str | None: ...
    @property
    def task_data(self) -> str: ...
    @property
    def dedupe_key(self) -> str | None: ...
    @property
    def limit_key(self) -> str | None: ...
    @property
    def error_group(self) -> str | None: ...


def time_of(job: Selectable) -> datetime:
    """The time by which a job is found and listed: when it ended; while it has not, when it is due."""
    return job.finished_at if job.status.finished and job.finished_at else job.execution_time


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs to which all of this applies; what is left out applies to every job."""

    statuses: tuple[JobStatus, ...] = ()
    """In one of these states; none means all."""
    task_name: str | None = None
    since: datetime | None = None
    """Their time is then or later: when they ended; while they have not, when they are due."""
    error: str | None = None
    """Part of the error message, whatever the case of its letters. No character is a wildcard; empty: any
    error."""
    queue: str | None = None
    until: datetime | None = None
    """Their time is before then."""
    worker_id: str | None = None
    """Whoever runs them, or ran them last."""
    arguments: tuple[tuple[str, str], ...] = ()
    """Paths in their arguments, and what stands there, as text: ``("user.id", "7")`` is about a keyword
    argument, ``("args.0", "7")`` about the first positional one. 7 and "7" are the same."""
    key: str | None = None
    """Their dedupe key or their limit key."""
    id_prefix: str | None = None
    """How their ids begin."""
    error_group: str | None = None
    """They failed alike (`FailureGroup.group`)."""
    audit_id: int | None = None
    """The act (`AuditRecord`) by which they were changed."""

    def matches(self, job: Selectable) -> bool:
        """Whether this job is meant. Which jobs an act has changed the store alone knows: it is not looked
        at."""
        time = time_of(job)
        return (
            (not self.statuses or job.status in self.statuses)
            and self.task_name in (None, job.task_name)
            and self.queue in (None, job.queue)
            and self.worker_id in (None, job.worker_id)
            and (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
            and (self.error is None or _holds(job.error_message, self.error))
            and (self.key is None or self.key in (job.dedupe_key, job.limit_key))
            and (
                self.error_group is None
                or (job.status is JobStatus.FAILED and job.error_group == self.error_group)
            )
            and job.job_id.startswith(self.id_prefix or "")
            and (not self.arguments or self._matches_arguments(job.task_data))
        )

    def _matches_arguments(self, task_data: str) -> bool:
        try:
            stored = json.loads(task_data)
        except ValueError:
            return False
        return all(text_at(stored, path) == value for path, value in self.arguments)

    def only(self, statuses: Collection[JobStatus]) -> Selection | None:
        """Those of the jobs that are in one of these states; None if this selection excludes them all."""
        left = tuple(status for status in self.statuses or JobStatus if status in statuses)
        return replace(self, statuses=left) if left else None

    @property
    def criteria(self) -> dict[str, Any]:
        """What `Insight.jobs` takes of it."""
        return {
            "statuses": self.statuses, "task_name": self.task_name, "since": self.since, "error": self.error,
            "queue": self.queue, "until": self.until, "worker_id": self.worker_id,
        }  # fmt: skip

    @property
    def words(self) -> dict[str, Any]:
        """What it says, by field."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value not in (None, ())}


def steps_of(path: str) -> list[str]:
    """The steps from the root of the stored arguments to what a path names."""
    steps = path.split(".")
    return steps if steps[0] in OF_ARGUMENTS and len(steps) > 1 else ["kwargs", *steps]


def text_at(stored: Any, path: str) -> str | None:
    """What stands at a path, as text: of a text itself, of anything else JSON. None if nothing does."""
    for step in steps_of(path):
        if isinstance(stored, dict) and step in stored:
            stored = stored[step]
        elif isinstance(stored, list) and step.isdecimal() and int(step) < len(stored):
            stored = stored[int(step)]
        else:
            return None
    if stored is None or isinstance(stored, str):
        return stored
    return json.dumps(stored, ensure_ascii=False)


def _holds(message: str | None, part: str) -> bool:
    return message is not None and part.lower() in message.lower()
