"""What a claim requests and what it returns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pg_scheduler.domain.model import ClaimedJob


@dataclass(frozen=True, slots=True)
class ClaimPosition:
    """A place in the order in which the jobs of one queue, task and rank are claimed."""

    queue: str
    task_name: str
    rank: int
    execution_time: datetime
    job_id: str

    @property
    def stream(self) -> tuple[str, str, int]:
        """The queue, task and rank."""
        return self.queue, self.task_name, self.rank


@dataclass(frozen=True, slots=True)
class LaneCursor:
    """Where the next claim continues, if there are more lanes than one claim examines."""

    queue: str
    task_name: str
    lane: str
    more_behind: bool
    """Whether lanes that this round of looks has left behind may give more."""


MOST_PER_CLAIM = 1_000
"""Rows that one claim may ask for: a bound that a store can plan with. More of them are several claims."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who claims what."""

    worker_id: str
    task_names: Collection[str]
    """Only jobs of these names are touched: a name that this worker does not know stays pending."""
    limit: int
    """At most this many rows are taken, expired ones included; no more than `MOST_PER_CLAIM`."""
    lease: timedelta
    queues: Collection[str] | None = None
    """Only jobs that wait in these queues are touched; None: in any."""
    resume_after: tuple[ClaimPosition, ...] = ()
    """A hint, one mark per queue, task and rank: jobs of these that stand before their mark may be left out,
    which spares a store the places where jobs stood that are claimed by now."""
    lane_cursor: LaneCursor | None = None
    """For `claim_lanes`: the cursor of the answer before; None: from the first lane on."""
    competing: bool = True
    """For `claim_lanes`: whether due jobs outside lanes take their places in the common order. False once a
    claim has found that there are none to be had, whatever is due: somebody's transaction holds them."""

    def covers(self, queue: str, task_name: str) -> bool:
        """Whether the jobs of this task that wait in this queue are among those that it asks for."""
        return task_name in self.task_names and (self.queues is None or queue in self.queues)


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What a claim did."""

    jobs: tuple[ClaimedJob, ...]
    """Now running under the caller's lease; in start order: rank, execution time, id."""
    expired: tuple[str, ...]
    """Ids of jobs that were too late for their first start: they ended `expired` instead."""
    next_due_in: timedelta | None
    """Time until the earliest pending job that is still in the future, of those that were asked for; None if
    there is none, or if the claim was filled to its limit and should simply be repeated."""
    sorted_into_lanes: int = 0
    """How many due jobs turned out to be of tasks with limits: they were not taken, and `claim_lanes` sees
    them from now on."""
    unreadable: tuple[str, ...] = ()
    """Ids of jobs whose rows hold what nobody can make sense of (a timeout that is no number): they ended
    `failed`, with the reason."""
    passed_over: bool = False
    """Whether due jobs were left where they are because somebody's open transaction holds their rows: what
    becomes of them no signal tells, so it is worth looking again soon."""
    scan_seconds: float | None = field(default=None, compare=False)
    """Seconds that the store itself took to find them, where it tells."""

    @property
    def rows(self) -> int:
        """How many jobs the claim dealt with; its limit, if there may be more."""
        return len(self.jobs) + len(self.expired) + len(self.unreadable) + self.sorted_into_lanes


@dataclass(frozen=True, slots=True)
class LaneAnswer:
    """What a claim from the lanes did."""

    jobs: tuple[ClaimedJob, ...]
    """As in `ClaimAnswer`."""
    expired: tuple[str, ...]
    more: bool
    """True if it is worth asking again soon: there may be more to take, or another claim was faster."""
    next_in: timedelta | None
    """Time until a lane has something to give by itself: a job becomes due, a rate allows the next start;
    None if there is `more` already. Jobs that wait for a running one to end are not counted: a signal
    tells."""
    cursor: LaneCursor | None = None
    """Where the next claim goes on; None: this one has looked at the last lane."""
    outranked: bool = False
    """True if jobs were left behind that lanes had room for, because others come first. That makes `more`
    true as well."""
    unrivalled: bool = False
    """True if something was taken and nothing was due outside lanes: it may start before anybody has claimed
    from there."""
    passed_over: bool = False
    """True if due jobs that lanes had room for are held by somebody's transaction. They are left to it."""

    @property
    def swept(self) -> bool:
        """False if there are more lanes, which the next claims look at: this is about some of them."""
        return self.cursor is None
