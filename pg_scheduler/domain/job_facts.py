"""What decides whether, and when, a job starts: facts, as a store knows them at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.limits import LaneState, TaskLimits
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.workers import WorkerState, WorkerWish, takes_jobs

HOLDERS_SHOWN = 5
"""Jobs that are named, of those that hold the places of a gate."""
MOST_AHEAD = 10_000
"""So many jobs that come first are as bad as any number, and counting ends."""


@dataclass(frozen=True, slots=True)
class Run:
    """A running job that keeps another one waiting."""

    job_id: str
    worker_id: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class GateFacts:
    """A gate that the job has to pass: that of its lane, or that of its queue."""

    limits: TaskLimits
    running: int
    """How many jobs have their place behind it; counted where there is a limit on that."""
    state: LaneState | None
    holders: tuple[Run, ...]
    """Some of them, the oldest first."""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker has to do with the job."""

    worker_id: str
    alive: bool
    wish: WorkerWish
    state: WorkerState | None
    knows: bool
    """Its task. A worker that does not say what it knows is taken to know everything, here and below."""
    chosen: bool
    """Whether it may run that task, by its ``--only``."""
    serves: bool
    """Its queue."""
    running: int
    capacity: int | None
    running_of_queue: int
    queue_slots: int | None
    """How many jobs of this queue it runs at once; None: as many as it has slots."""
    listening: bool | None
    app_version: str | None
    seen_ago: timedelta

    @property
    def claims(self) -> bool:
        """Whether it takes any jobs."""
        return takes_jobs(self.alive, self.wish, self.state)

    @property
    def fits(self) -> bool:
        """Whether it would take this job."""
        return self.claims and self.knows and self.chosen and self.serves

    @property
    def full(self) -> bool:
        """Whether it has no slot for this job."""
        if self.queue_slots is not None and self.running_of_queue >= self.queue_slots:
            return True
        return self.capacity is not None and self.running >= self.capacity


@dataclass(frozen=True, slots=True)
class RowHolder:
    """Who holds the row, as far as this role may see."""

    pid: int
    application: str | None = None
    state: str | None = None
    """As in `pg_stat_activity`: ``active``, ``idle in transaction``."""
    since: timedelta | None = None
    """For how long that transaction has been open."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What is known of one job."""

    job: JobRecord
    now: datetime
    """By the store's clock."""
    last_attempt: AttemptRecord | None
    """The last one in its history."""
    task_paused_since: datetime | None
    queue_paused_since: datetime | None
    lane: GateFacts
    queue: GateFacts
    workers: tuple[WorkerFacts, ...]
    known_names: tuple[str, ...]
    """What living workers know, where none of them knows its task."""
    ahead: int
    """Due jobs of its task and queue that start before it; `MOST_AHEAD`, if there may be more."""
    other_run: Run | None
    """The running run of its schedule, where the two exclude each other."""
    row_is_held: bool
    """Whether somebody's open transaction holds the row: nobody can claim it."""
    held_by: RowHolder | None
