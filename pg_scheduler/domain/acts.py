"""What people do to jobs that are stored, and what became of each job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple

from pg_scheduler.domain.audit import Act
from pg_scheduler.domain.states import FINISHED, UNFINISHED, JobStatus


@dataclass(frozen=True, slots=True)
class Retry:
    """Run them once more, now, with their counters at zero."""

    act: ClassVar[Act] = Act.RETRY
    possible: ClassVar[frozenset[JobStatus]] = FINISHED
    """States in which it can be done to a job."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel those that wait, and ask the workers of those that run to stop them."""

    act: ClassVar[Act] = Act.CANCEL
    possible: ClassVar[frozenset[JobStatus]] = UNFINISHED


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove them with their history. Nobody brings them back."""

    act: ClassVar[Act] = Act.DELETE
    possible: ClassVar[frozenset[JobStatus]] = frozenset(JobStatus) - {JobStatus.RUNNING}


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Let those that wait start at another time."""

    at: datetime | None = None
    """Aware; None, or a time that has passed, means now."""
    act: ClassVar[Act] = Act.RESCHEDULE
    possible: ClassVar[frozenset[JobStatus]] = frozenset({JobStatus.PENDING})


Action = Retry | Cancel | Delete | Reschedule


class ChangeAnswer(StrEnum):
    """What a job met."""

    CHANGED = "changed"
    """It was done."""
    REQUESTED = "requested"
    """It runs; its worker has been asked to stop it."""
    PENDING = "pending"
    """It waits: that cannot be done to it."""
    RUNNING = "running"
    """It runs: that cannot be done to it."""
    FINISHED = "finished"
    """It has ended: that cannot be done to it."""
    DUPLICATE = "duplicate"
    """An unfinished job has its dedupe key."""
    HELD = "held"
    """Somebody's open transaction holds it; nothing was done."""
    NO_MATCH = "no match"
    """It was chosen for what it was, and is so no more."""
    UNKNOWN = "unknown"
    """There is no such job."""

    @property
    def done(self) -> bool:
        """Whether something was done."""
        return self in (ChangeAnswer.CHANGED, ChangeAnswer.REQUESTED)


class ChosenJob(NamedTuple):
    """A job that is to be changed, and as what it was chosen: if it is another by then, it stays as it is."""

    job_id: str
    epoch: int | None = None
    """None: whatever has become of it."""
    status: JobStatus | None = None
    """None: in whatever state it is."""


def refusal_of(status: JobStatus) -> ChangeAnswer:
    """What a job meets that cannot be changed so because of its state."""
    return ChangeAnswer.FINISHED if status.finished else ChangeAnswer(str(status))


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did."""

    answers: Mapping[str, ChangeAnswer]
    """By id."""
    audit_id: int | None
    """Its record, which tells of the batches before it as well; None if nothing was done, or by nobody."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a change."""

    answers: Mapping[str, ChangeAnswer]
    """What each job met, by id."""
    left: bool
    """Whether more jobs match than were to be changed."""
    audit_id: int | None
    """The record; ``Selection(audit_id=...)`` are the jobs that were changed."""

    @property
    def affected(self) -> int:
        """How many jobs were changed."""
        return sum(answer.done for answer in self.answers.values())
