"""The life of schedules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.succession import Wanted

if TYPE_CHECKING:
    from pg_scheduler.domain.astray import StraySchedule
    from pg_scheduler.domain.audit import Actor


class Contention(StrEnum):
    """What a run does when another run holds its exclusive lock."""

    WAIT = "wait"
    """It is tried again shortly; nothing counts against the job."""
    SKIP = "skip"
    """It ends cancelled, with the reason."""


class Origin(StrEnum):
    """Who made a schedule."""

    CODE = "code"
    """A decorator; it goes when the code that names it goes."""
    API = "api"
    """A call at run time; it stays until removed."""


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule as somebody wants it."""

    key: str
    task_name: str
    """What the `job_name` of its jobs will be."""
    spec: str
    """`ScheduleSpec.text()`."""
    spec_hash: str
    """Over everything in this record that may change between two versions of the code."""
    task_data: str = '{"args":[],"kwargs":{}}'
    rank: int = 5
    max_retries: int = 0
    misfire_grace_seconds: int | None = None
    timeout: timedelta | None = None
    backoff: str | None = None
    """JSON text of the backoff, or None for the task's policy."""
    exclusive: bool = False
    """Runs hold the schedule's advisory lock."""
    contention: Contention = Contention.WAIT
    origin: Origin = Origin.CODE
    paused: bool = False
    """Only when it is first stored: afterwards the row decides."""
    queue: str = DEFAULT_QUEUE
    """Where its jobs wait."""


def wanted_of(new: NewSchedule) -> Wanted:
    """What deciding about its registration needs to know."""
    return Wanted(new.key, new.task_name, new.spec, new.spec_hash, new.paused)


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A stored schedule. Times are aware, in UTC."""

    new: NewSchedule
    """Its definition; `new.paused` is the present state."""
    mark: datetime | None
    """The latest window that was decided about; None before the first."""
    next_window: datetime | None
    """The first window after the mark; None until a worker has computed it."""
    run_count: int
    """Windows that became jobs."""
    skipped_count: int
    """Windows that were left out by policy."""
    created_at: datetime
    heartbeat: datetime
    """When a worker last said that its code has this schedule."""
    retired: bool
    """True for a schedule of code that newer code has replaced."""
    last_job_id: str | None
    """The job of the latest window, or of the latest manual run."""
    busy: bool
    """True while a job of this schedule, or of one that it has replaced, is unfinished."""
    lock_name: str | None = None
    """The advisory lock of its runs, where they are exclusive: it stays the same over releases that change
    the key. None: the key."""

    @property
    def lock(self) -> str | None:
        """The lock that its runs hold, if they hold one."""
        return (self.lock_name or self.new.key) if self.new.exclusive else None


@dataclass(frozen=True, slots=True)
class DueAnswer:
    """The schedules that the stager has to examine."""

    now: datetime
    """The instant by which the store decided: plans must use it."""
    schedules: tuple[ScheduleRecord, ...]
    """Active, not paused, with a window due or not yet computed; by key."""
    next_window_in: timedelta | None
    """Time until the next window of a schedule that is not due yet."""


@dataclass(frozen=True, slots=True)
class StrayAnswer:
    """Schedules that may need care."""

    now: datetime
    """The instant by which the store decided."""
    schedules: tuple[StraySchedule, ...]
    """By key."""


@dataclass(frozen=True, slots=True)
class MovedRuns:
    """Runs of one schedule that bore the name that its task had before."""

    key: str
    task_before: str
    task_name: str
    count: int


@dataclass(frozen=True, slots=True)
class WindowJob:
    """The job of one window."""

    job_id: str
    window: datetime
    execution_time: datetime
    """The window plus its share of the jitter."""


@dataclass(frozen=True, slots=True)
class Advance:
    """One step of a schedule's mark, together with the jobs of the windows it passes."""

    key: str
    spec_hash: str
    """The step is refused if the definition has changed since it was planned."""
    expected_next: datetime | None
    """The step is refused unless the row still has this next window: what makes windows happen once."""
    mark: datetime | None
    next_window: datetime
    jobs: Sequence[WindowJob]
    skipped: int
    unless_busy: bool
    """Refuse the step while a job of the schedule is unfinished."""


class ScheduleStore(Protocol):
    """The life of schedules."""

    async def register_schedules(
        self, wanted: Sequence[NewSchedule], *, now: datetime | None = None
    ) -> list[ScheduleRecord]:
        """Make the stored schedules of these tasks what the code says, in one transaction; see
        `domain.registration` and `domain.succession`. Returns the records of `wanted`, in order."""
        ...

    async def retire_abandoned(self, keys: Collection[str], *, now: datetime | None = None) -> list[str]:
        """Retire those of these schedules that are of code and that no worker has confirmed for
        `domain.registration.SILENCE`; their keys, sorted. They keep their next window: should their code
        come back, they go on from there."""
        ...

    async def stray_schedules(
        self, known_names: Collection[str], *, now: datetime | None = None
    ) -> StrayAnswer:
        """Schedules that are not retired, and that are of code which nobody has confirmed for
        `domain.registration.SILENCE`, or have pending runs under another task's name, or are active and of
        another task than the known ones, or have a mark in the future; see `domain.astray`."""
        ...

    async def move_runs(self, *, now: datetime | None = None) -> list[MovedRuns]:
        """Let pending runs of schedules whose task was renamed go on under its new name, with the arguments
        that the schedule has now: nobody might know the old one any more, and the schedule would wait for
        them for ever. Runs of a replaced schedule are those of the one that stands for it; where several do,
        of the one that has its lock. Runs that somebody holds are passed over. By key."""
        ...

    async def put_schedule(
        self, wanted: NewSchedule, *, now: datetime | None = None, connection: Any = None
    ) -> bool:
        """Store one schedule made at run time; an existing one takes the new definition and keeps its mark,
        see `domain.succession`. True if it was new. With `connection` it is part of the transaction there."""
        ...

    async def remove_schedule(
        self, key: str, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        """Forget a schedule; jobs it made stay. False if there was none. What somebody does by hand (`by`),
        here and below, is written down in the same transaction: see `Steering.audit`."""
        ...

    async def set_paused(
        self, key: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        """Pause or resume, everywhere. Pausing cancels windows that are jobs but have not begun; a schedule
        that is resumed goes on with the first window after now.
        False if there is none."""
        ...

    async def due_schedules(
        self,
        task_names: Sequence[str],
        limit: int,
        *,
        except_for: Collection[tuple[str, str]] = (),
        now: datetime | None = None,
    ) -> DueAnswer:
        """Schedules of these tasks that need a step. `except_for` holds (key, spec hash) of those that the
        caller cannot read: left in, they would stand before all others for ever."""
        ...

    async def advance_schedules(self, steps: Sequence[Advance], *, now: datetime | None = None) -> list[bool]:
        """Move the marks and store the windows' jobs in one statement. The steps are of different schedules;
        for each, False if somebody else has moved it, or the row is paused, changed or busy."""
        ...

    async def zoned_schedules(
        self, task_names: Sequence[str], after: str, limit: int
    ) -> list[ScheduleRecord]:
        """Schedules of these tasks that new zone data may move: active ones of cron, in a zone other than
        UTC, whose next window is known. By key, so many at the most, from the first beyond `after` on.
        Whether they are busy is not looked at."""
        ...

    async def list_schedules(
        self, keys: Sequence[str] | None = None, *, connection: Any = None
    ) -> list[ScheduleRecord]:
        """Stored schedules by key, retired ones included; all of them, or those named. With `connection` as
        the transaction there sees them."""
        ...

    async def note_manual_run(
        self, key: str, job_id: str, *, now: datetime | None = None, by: Actor | None = None
    ) -> None:
        """Remember the job of a run that somebody asked for."""
        ...
