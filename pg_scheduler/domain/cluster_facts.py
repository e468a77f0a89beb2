"""What a store knows of its workers, its waiting jobs and its schedules: what `problems` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pg_scheduler.domain.workers import WorkerRecord

STREAMS_LOOKED_AT = 5_000
"""So many streams, and as many ranks of lanes, are looked at: what stands beyond holds nothing up."""
SCHEDULES_NAMED = 100
"""So many schedules of one kind are named."""
FAILING_NAMED = 100
"""So many tasks whose attempts fail are named, those with the most first."""
LATELY = timedelta(minutes=5)
"""How far back attempts are looked at."""


@dataclass(frozen=True, slots=True)
class DueJobs:
    """Jobs of one task in one queue that are due."""

    queue: str
    task_name: str
    oldest: datetime
    """When the first of them was due."""


@dataclass(frozen=True, slots=True)
class FullGate:
    """A lane, or a queue with limits, that was seen full a short while ago, and before which jobs wait."""

    task_name: str
    """`OF_QUEUES` for a queue."""
    lane: str
    """The limit key, or the queue."""
    oldest: datetime
    """When the first of the jobs was due that wait there."""


@dataclass(frozen=True, slots=True)
class FailedLately:
    """How the attempts of a task ended in the last minutes; at least one of them failed."""

    task_name: str
    failed: int
    """Those that raised, whether their jobs are tried again or not."""
    completed: int


@dataclass(frozen=True, slots=True)
class LateSchedule:
    """A schedule that goes on, needs a step, and does not wait for its own run."""

    key: str
    task_name: str
    spec: str
    next_window: datetime | None
    """Which window is due; None: none has been computed, so that nobody has read it yet."""


@dataclass(frozen=True, slots=True)
class RetiredSchedule:
    """A schedule that no code defines any more."""

    key: str
    task_name: str
    heartbeat: datetime
    """When a worker last confirmed that its code has it."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """All of it."""

    now: datetime
    """By the store's clock."""
    workers: tuple[WorkerRecord, ...] = ()
    due: tuple[DueJobs, ...] = ()
    """By queue, task; of at most `STREAMS_LOOKED_AT` streams, and as many ranks of lanes."""
    full: tuple[FullGate, ...] = ()
    """By task, lane."""
    failing: tuple[FailedLately, ...] = ()
    """Those of which the most attempts failed first; at most `FAILING_NAMED`."""
    lost: int = 0
    """Running jobs whose leases are over: any worker takes them back within seconds."""
    lost_since: datetime | None = None
    """When the first of those leases was over."""
    late: tuple[LateSchedule, ...] = ()
    """By key; at most `SCHEDULES_NAMED`."""
    retired: tuple[RetiredSchedule, ...] = ()
    """Those that were confirmed last, the latest first; at most `SCHEDULES_NAMED`."""
    paused_tasks: Mapping[str, datetime] = field(default_factory=dict)
    """Since when, by name."""
    paused_queues: Mapping[str, datetime] = field(default_factory=dict)
