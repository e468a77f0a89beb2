"""What workers say of themselves, and what others ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pg_scheduler.domain.audit import Act


class WorkerWish(StrEnum):
    """What a person wants a worker to do."""

    WORK = "work"
    """Claim and run jobs, as it does by itself."""
    QUIET = "quiet"
    """Claim no more; what runs goes on."""
    STOP = "stop"
    """Shut down, as at SIGTERM."""


ACTS = {
    WorkerWish.WORK: Act.RESUME_WORKER,
    WorkerWish.QUIET: Act.QUIET_WORKER,
    WorkerWish.STOP: Act.STOP_WORKER,
}
"""What it is called where somebody asks for that."""


class WorkerState(StrEnum):
    """What a worker does, as it says itself."""

    WORKING = "working"
    QUIET = "quiet"
    """It claims no more, because somebody asked it to."""
    STOPPING = "stopping"
    """It shuts down: it claims no more, and waits for what runs."""


class WishAnswer(StrEnum):
    """The result of asking a worker for something."""

    CHANGED = "changed"
    """It has been told."""
    UNCHANGED = "unchanged"
    """It had been asked for that before."""
    UNKNOWN = "unknown"
    """There is no such worker, or not any more."""


def takes_jobs(alive: bool, wish: WorkerWish, state: WorkerState | None) -> bool:
    """Whether a worker claims: it lives, and neither is quiet nor should be. One that does not say what it
    does is taken to work."""
    return alive and wish is WorkerWish.WORK and state in (None, WorkerState.WORKING)


@dataclass(frozen=True, slots=True)
class WorkerProfile:
    """What a worker knows and serves. Most of it never changes while it lives."""

    task_names: tuple[str, ...] = ()
    """Every name under which it can run a stored job, sorted."""
    chosen: tuple[str, ...] | None = None
    """The names to which it is limited (`pgq run --only`), sorted; None: to none."""
    queues: Mapping[str, int | None] | None = None
    """Slots by queue, None for a queue that has none of its own. None altogether: it serves all queues."""
    capacity: int = 0
    """How many jobs it runs at once."""
    app_version: str | None = None
    """As the application says: `Scheduler(app_version=)`."""
    library_version: str = ""


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """One running engine as the `scheduled_job_workers` table shows it."""

    worker_id: str
    hostname: str
    pid: int
    started_at: datetime
    last_seen: datetime
    alive: bool = True
    """False once its leases are over: it is silent, and its jobs are taken back."""
    seen_ago: timedelta = timedelta(0)
    """Since it was last seen, by the database's clock."""
    wish: WorkerWish = WorkerWish.WORK
    """What it has been asked for."""
    state: WorkerState | None = None
    """What it does; None for a worker of an earlier version, which does not say."""
    listening: bool | None = None
    """Whether signals reach it, else it polls; None as `state`."""
    profile: WorkerProfile | None = None
    """None as `state`."""
    running: int = 0
    """How many jobs run under its leases, by what is stored."""
    oldest_start: datetime | None = None
    """When the first of those began."""
    clock_ahead: timedelta | None = None
    """By how much its clock was ahead of the store's when it was last seen, less what its message took; None
    for a worker that does not say."""

    @property
    def claims(self) -> bool:
        """Whether it takes jobs; see `takes_jobs`."""
        return takes_jobs(self.alive, self.wish, self.state)

    def knows(self, task_name: str) -> bool:
        """Whether it can run jobs of a task. One that does not say is taken to know everything, here and
        below."""
        return self.profile is None or task_name in self.profile.task_names

    def runs(self, task_name: str) -> bool:
        """Whether it knows the task and may run it."""
        chosen = None if self.profile is None else self.profile.chosen
        return self.knows(task_name) and (chosen is None or task_name in chosen)

    def takes(self, queue: str, task_name: str) -> bool:
        """Whether it claims jobs of this task in this queue."""
        queues = None if self.profile is None else self.profile.queues
        return self.claims and self.runs(task_name) and (queues is None or queue in queues)


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """What a worker says of itself with each renewal of its leases."""

    state: WorkerState = WorkerState.WORKING
    listening: bool = False
    profile: WorkerProfile | None = None
    """None: as it said before."""
    clock: datetime | None = None
    """What its clock shows; None: it does not say."""


NOTHING_NEW = SignOfLife()
"""It works, it polls, and what it knows has not changed."""
