"""Who changed what by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pg_scheduler.domain.states import JobEvent

IDS_KEPT = 20
"""Ids of jobs that one entry names."""


class Act(StrEnum):
    """What people do to jobs, tasks, queues, schedules and workers."""

    PAUSE_TASK = "pause task"
    RESUME_TASK = "resume task"
    PAUSE_QUEUE = "pause queue"
    RESUME_QUEUE = "resume queue"
    LIMIT_QUEUE = "limit queue"
    LIMIT_TASK = "limit task"
    QUIET_WORKER = "quiet worker"
    RESUME_WORKER = "resume worker"
    STOP_WORKER = "stop worker"
    PAUSE_SCHEDULE = "pause schedule"
    RESUME_SCHEDULE = "resume schedule"
    RUN_SCHEDULE = "run schedule"
    CHANGE_SCHEDULE = "change schedule"
    REMOVE_SCHEDULE = "remove schedule"
    CANCEL = "cancel jobs"
    RETRY = "retry jobs"
    DELETE = "delete jobs"
    RESCHEDULE = "reschedule jobs"
    MARK = "mark job"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts."""

    name: str
    """A user, as whoever let him in knows him: ``ada@ops-1``."""
    via: str
    """The way in: ``cli``, or what a program calls itself."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One act that changed something."""

    audit_id: int
    """Later acts have larger ones."""
    at: datetime
    actor: Actor
    act: str
    """An `Act`, or a word of a later version."""
    subject: str
    """The name of what was changed; of jobs the first ids, separated by commas."""
    affected: int
    """How many of them were changed."""
    selection: str | None = None
    """Which jobs were meant, as JSON, where they were named by what they have in common."""


_ACTS = {JobEvent.REOPEN: Act.RETRY, JobEvent.CANCEL: Act.CANCEL}


def act_of(event: JobEvent) -> Act:
    """What it is called where somebody moves a job by this event."""
    return _ACTS.get(event, Act.MARK)


def subject_of(job_ids: Sequence[str]) -> str:
    """How an entry names jobs."""
    more = f" and {len(job_ids) - IDS_KEPT} more" if len(job_ids) > IDS_KEPT else ""
    return ", ".join(job_ids[:IDS_KEPT]) + more
