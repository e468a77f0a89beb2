"""What a task's jobs are stored with."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_count, checked_grace, checked_instance
from pg_scheduler.domain.priority import JobPriority, rank_of
from pg_scheduler.domain.unset import UNSET, Unset


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """What a job of the task is stored with where its call site says nothing. What is unset here, too, is
    left to the library: normal priority, no retries, the scheduler's grace, no result, no limit key.

    Raises:
        InvalidInput: a default that no call site could give.
    """

    priority: JobPriority | int | Unset = UNSET
    max_retries: int | Unset = UNSET
    misfire_grace_time: int | Unset | None = UNSET
    """Seconds; None: it never expires."""
    store_result: bool | Unset = UNSET
    limit_key: str | Unset | None = UNSET

    def __post_init__(self) -> None:
        if not isinstance(self.priority, Unset):
            rank_of(self.priority)
        if not isinstance(self.max_retries, Unset):
            checked_count("max_retries", self.max_retries)
        if not isinstance(self.misfire_grace_time, Unset):
            checked_grace("misfire_grace_time", self.misfire_grace_time)
        if not isinstance(self.store_result, Unset):
            checked_instance("store_result", self.store_result, bool)
        if not isinstance(self.limit_key, Unset) and self.limit_key is not None:
            checked_name("limit_key", self.limit_key)


NO_DEFAULTS = JobDefaults()
