"""What a worker tells those who watch it, as data.

Events are about many jobs where many things happen at once, so that watching costs little per job. Times are
this process' own (`Clock.now`), durations are measured by its monotonic clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from pg_scheduler.domain.model import ClaimedJob, NewJob, Progress
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.domain.workers import WorkerWish


@dataclass(frozen=True, slots=True)
class JobsStored:
    """This scheduler has stored jobs, not counting duplicates that were ignored. Those of schedules are
    stored by the database itself.
    In a transaction of the caller's they are there once it is committed."""

    jobs: Sequence[NewJob]


@dataclass(frozen=True, slots=True)
class JobsClaimed:
    """This worker has leased jobs. They begin at once or, of short jobs, as slots become free."""

    jobs: Sequence[ClaimedJob]


@dataclass(frozen=True, slots=True)
class JobsStarted:
    """Attempts have begun, in this order."""

    jobs: Sequence[ClaimedJob]
    at: datetime

    def lag(self, job: ClaimedJob) -> timedelta:
        """How long after it was due a job has begun."""
        return max(self.at - job.execution_time, timedelta(0))


class Ended(NamedTuple):
    """One attempt whose verdict the store has answered."""

    job: ClaimedJob
    verdict: Verdict
    took: float
    """Seconds from its beginning to the verdict."""
    accepted: bool
    """False if its lease had been lost: another attempt owns the job."""
    began: bool = True
    """False if it has not been among `JobsStarted` of this worker: it was given back or cancelled while it
    waited for a slot, or another worker had begun it and went silent."""


@dataclass(frozen=True, slots=True)
class AttemptsSettled:
    """The store has answered verdicts."""

    attempts: Sequence[Ended]


@dataclass(frozen=True, slots=True)
class ProgressStored:
    """What running jobs have reported is stored: of each the latest word, at most once a second."""

    progress: Mapping[str, Progress]
    """By the job's id."""


@dataclass(frozen=True, slots=True)
class JobsExpired:
    """A claim found jobs that were too late for their first start."""

    job_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class AttemptLost:
    """The lease of a running attempt is lost: it is being stopped."""

    job: ClaimedJob


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody wants a running job to stop: it is being cancelled."""

    job: ClaimedJob


@dataclass(frozen=True, slots=True)
class JobReclaimed:
    """This worker has taken a job back from one that went silent."""

    job_id: str
    worker_id: str | None
    """The silent one."""
    status: JobStatus
    """What the job is now: pending, or ended."""
    crash_count: int


class StagedSchedule(NamedTuple):
    """What one step has made of the due windows of a schedule."""

    key: str
    job_ids: tuple[str, ...]
    """The jobs that windows have become."""
    skipped: int
    """How many windows its policy has left out."""


@dataclass(frozen=True, slots=True)
class WindowsStaged:
    """This worker has turned due windows into jobs, or left them out."""

    schedules: Sequence[StagedSchedule]


@dataclass(frozen=True, slots=True)
class SchedulesChanged:
    """Schedules that this worker's code has are stored otherwise than when it last looked, every 45 seconds:
    another deployment has defined them anew, or somebody has paused or resumed them."""

    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class SchedulesRetired:
    """This worker has retired schedules that no program that runs has in its code."""

    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """The services run."""

    worker_id: str


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """Everything has ended; its jobs have been given back."""

    worker_id: str


@dataclass(frozen=True, slots=True)
class WishFollowed:
    """Somebody has asked this worker to claim no more, to go on or to stop, and it does so."""

    worker_id: str
    wish: WorkerWish


@dataclass(frozen=True, slots=True)
class DatabaseLost:
    """A service could not reach the database, or found that it accepts no writes. It is told once; each round
    that fails is a `RoundFailed`."""

    error: Exception


@dataclass(frozen=True, slots=True)
class DatabaseBack:
    """After that, this worker's leases were renewed again."""

    after: float
    """Seconds since it was lost."""


@dataclass(frozen=True, slots=True)
class ListeningChanged:
    """Signals arrive from now on, or no longer: then the worker polls."""

    listening: bool


@dataclass(frozen=True, slots=True)
class RoundFailed:
    """A service could not do its round (mostly because the database is away), and tries again."""

    service: str
    error: Exception


WorkerEvent: TypeAlias = (
    JobsStored
    | JobsClaimed
    | JobsStarted
    | ProgressStored
    | AttemptsSettled
    | JobsExpired
    | AttemptLost
    | CancelRequested
    | JobReclaimed
    | WindowsStaged
    | SchedulesChanged
    | SchedulesRetired
    | WorkerStarted
    | WorkerStopped
    | WishFollowed
    | DatabaseLost
    | DatabaseBack
    | ListeningChanged
    | RoundFailed
)
"""There may be more kinds of them in a later version: pass over what you do not know."""
