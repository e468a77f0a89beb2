"""Where the limits of tasks and queues are kept, for the whole cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pg_scheduler.domain.audit import Actor
    from pg_scheduler.domain.limits import TaskLimits


@dataclass(frozen=True, slots=True)
class LimitRecord:
    """The current limits of a task, and whether it is paused."""

    task_name: str
    limits: TaskLimits
    paused: bool
    """True: none of its jobs is claimed."""
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PausedQueue:
    """A queue of which no jobs are claimed."""

    queue: str
    since: datetime


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The limits of a queue."""

    queue: str
    limits: TaskLimits
    since: datetime
    """When they were set."""


class LimitStore(Protocol):
    """Limits and pauses, by task and by queue. A change that somebody makes by hand (`by`) is written down in
    the same transaction: see `Steering.audit`."""

    async def set_limits(self, limits: Mapping[str, TaskLimits], *, now: datetime | None = None) -> None:
        """Let these limits hold from now on, for jobs stored already too; the last word counts. No limits at
        all end those there were. Whether a task is paused stays as it is."""
        ...

    async def pause_task(
        self, task_name: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        """Pause or resume the jobs of a task, everywhere; what runs goes on. True if that was a change."""
        ...

    async def pause_queue(
        self, queue: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        """Pause or resume the jobs that wait in a queue, everywhere; what runs goes on. True if that was a
        change."""
        ...

    async def paused_queues(self) -> list[PausedQueue]:
        """Every queue that is paused, by name."""
        ...

    async def limit_queue(
        self, queue: str, limits: TaskLimits, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        """Let these limits hold for all jobs of a queue together, from now on, for jobs stored already too;
        what runs takes its place. No limits at all end those there were. True if that was a change."""
        ...

    async def queue_limits(self) -> list[QueueLimits]:
        """Every queue that has limits, by name."""
        ...

    async def list_limits(self) -> list[LimitRecord]:
        """Every task that has limits or is paused, by name."""
        ...
