"""What a task's jobs are stored with."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_count, checked_grace, checked_instance
from pg_scheduler.domain.priority import JobPriority, rank_of
from pg_scheduler.domain.queues import DEFAULT_QUEUE, checked_queue
from pg_scheduler.domain.unset import UNSET, Unset


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """What a job of the task is stored with where its call site says nothing.

    Raises:
        InvalidInput: a default that no call site could give.
    """

    priority: JobPriority | int = JobPriority.NORMAL
    max_retries: int = 0
    misfire_grace_time: int | Unset | None = UNSET
    """Seconds; None: it never expires; unset: the scheduler's grace."""
    store_result: bool = False
    limit_key: str | None = None
    queue: str = DEFAULT_QUEUE

    def __post_init__(self) -> None:
        rank_of(self.priority)
        checked_count("max_retries", self.max_retries)
        if self.misfire_grace_time is not UNSET:
            checked_grace("misfire_grace_time", self.misfire_grace_time)
        checked_instance("store_result", self.store_result, bool)
        if self.limit_key is not None:
            checked_name("limit_key", self.limit_key)
        checked_queue(self.queue)


NO_DEFAULTS = JobDefaults()
