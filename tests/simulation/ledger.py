"""What happened to each job, kept apart from the store: the laws compare the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.limits import OF_QUEUES, TaskLimits
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.schedule import Overlap
from pg_scheduler.domain.states import JobEvent, JobStatus
from tests.simulation.virtual_loop import Host

_NEVER = datetime.min.replace(tzinfo=UTC)

Rows = dict[str, tuple[JobStatus, int]]
"""State and epoch of every stored job."""


@dataclass(slots=True)
class Grant:
    """One claim: who may write under which epoch, and until when at least."""

    worker_id: str
    epoch: int
    host: Host
    lease: timedelta
    at: float
    """When it was given, in simulated seconds."""
    renewed_at: float
    """When it was last given or renewed, in simulated seconds."""
    until: datetime
    known_at: float | None = None
    """When its holder began to run the job, in simulated seconds."""
    done_at: float | None = None
    """When the function came to its end."""
    unbegun: bool = False
    """True once it was given back as one under which nothing was done."""
    let_go: bool = False
    """True once its holder, as it stops, has said that it gives it back, and the row was held."""


@dataclass(slots=True)
class JobStory:
    """One job since it was submitted, or replaced by a new version."""

    grants: list[Grant] = field(default_factory=list)
    accepted: list[JobEvent] = field(default_factory=list)
    lost: int = 0
    given_back: int = 0
    retries: int = 0
    ended_running: bool = False
    """True if an attempt that held its lease brought the end, and counts."""
    returned: int = 0
    """How often its function came to its end."""
    cancel_asked: bool = False

    def grant_of(self, host: Host) -> Grant | None:
        """The last lease that this host was given."""
        return next((grant for grant in reversed(self.grants) if grant.host is host), None)

    @property
    def begun(self) -> bool:
        """True if it may have been started."""
        return not all(grant.unbegun for grant in self.grants)

    @property
    def completions(self) -> int:
        """How often the store took a completion."""
        return self.accepted.count(JobEvent.COMPLETE)


@dataclass(slots=True)
class ScheduleStory:
    """One schedule since it was stored."""

    every: timedelta
    overlap: Overlap
    limit: int
    """How many windows are caught up at the most."""
    next_window: datetime | None = None
    """The window that must come next; None where it begins anew."""
    windows: list[datetime] = field(default_factory=list)
    skipped: int = 0
    """Beside what was more than that."""


@dataclass(slots=True)
class CodeStory:
    """The schedule of the code, under all the keys that it ever has."""

    every: timedelta
    overlap: Overlap
    decided: set[datetime] = field(default_factory=set)
    """Windows that were enqueued or counted as skipped."""
    undone: set[datetime] = field(default_factory=set)
    """Those of them that are still to come since the clock was set back: they may be decided about again."""

    def decide(self, first: datetime, last: datetime, now: datetime) -> list[datetime]:
        """Another step has dealt with these windows; those that were dealt with before. The clock may have
        been set back while the step was on its way: then they are undone as it arrives."""
        windows = {first + self.every * number for number in range((last - first) // self.every + 1)}
        again = sorted((windows & self.decided) - self.undone)
        self.decided |= windows
        self.undone = (self.undone - windows) | {window for window in windows if window > now}
        return again

    @property
    def lost(self) -> int:
        """Windows in between that nobody decided about. What is to come again since the clock was set back
        ends nothing: a schedule that is paused meanwhile never gets there."""
        if not self.decided - self.undone:
            return 0
        last = max(self.decided - self.undone)
        decided = {window for window in self.decided if window <= last}
        return (last - min(decided)) // self.every + 1 - len(decided)


@dataclass(slots=True)
class Ledger:
    """All stories."""

    limits: dict[str, TaskLimits] = field(default_factory=dict)
    jobs: dict[str, JobStory] = field(default_factory=dict)
    schedules: dict[str, ScheduleStory] = field(default_factory=dict)
    code: CodeStory | None = None
    starts: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    """When jobs of each lane, and from lanes of each queue, were claimed, by the store's clock."""
    started_at: dict[tuple[str, str], float] = field(default_factory=dict)
    """When the latest of them was, in simulated seconds; or when somebody first looked at the lane after the
    clock had been set back: then it is taken to have been just now."""
    set_back: set[tuple[str, str]] = field(default_factory=set)
    """Lanes at which nobody has looked since."""
    starts_of: dict[str, int] = field(default_factory=dict)
    """How often the function of each job began, in all its versions."""
    acknowledged: set[str] = field(default_factory=set)
    """Jobs whose submitter was told that they are stored."""
    deleted: dict[str, JobStatus] = field(default_factory=dict)
    """Jobs that retention deleted, and how they had ended."""

    spoilt: set[str] = field(default_factory=set)
    """Jobs whose row somebody has made nonsense of."""
    windows: dict[str, datetime] = field(default_factory=dict)
    """Of all runs of schedules, by job."""
    undone: set[str] = field(default_factory=set)
    """Runs whose windows are still to come since the clock was set back."""
    showed: datetime = _NEVER
    """What the clock showed when it was set back, at the latest: so far ahead somebody may still look."""
    epochs: dict[str, set[int]] = field(default_factory=dict)
    """Under which epochs each id has been claimed, in all rows that it had."""

    def story(self, job_id: str) -> JobStory:
        """The job's story; it begins with the first question."""
        return self.jobs.setdefault(job_id, JobStory())

    def begin_anew(self, job_id: str) -> None:
        """A new version has taken the job's place."""
        self.jobs[job_id] = JobStory()

    def claimed(
        self, job: ClaimedJob, worker_id: str, host: Host, at: float, now: datetime, lease: timedelta
    ) -> None:
        """A worker was given a job."""
        story = self.story(job.job_id)
        self.epochs.setdefault(job.job_id, set()).add(job.epoch)
        story.grants.append(Grant(worker_id, job.epoch, host, lease, at, at, now + lease))
        if job.lane is not None:
            self.starts.setdefault((job.task_name, job.lane), []).append(now)
            self.starts.setdefault((OF_QUEUES, job.queue), []).append(now)
            self.started_at[job.task_name, job.lane] = at

    def clock_was_set_back(self, before: datetime, now: datetime) -> None:
        """What lies in the future from now on has been."""
        self.showed = max(self.showed, before)
        for starts in self.starts.values():
            starts[:] = [start for start in starts if start <= now]
        self.set_back = set(self.started_at)
        self.undone |= {job_id for job_id, window in self.windows.items() if window > now}
        for story in self.schedules.values():  # what begins anew may come to these once more
            story.windows[:] = [window for window in story.windows if window <= now]
        if self.code is not None:
            self.code.undone |= {window for window in self.code.decided if window > now}
