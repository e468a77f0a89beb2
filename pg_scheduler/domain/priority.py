"""Priorities: one ascending rank, the smallest number first."""

from __future__ import annotations

from enum import Enum

from pg_scheduler.domain.errors import InvalidInput, shown

MIN_RANK, MAX_RANK = -(2**31), 2**31 - 1
"""The `priority` column is a four-byte integer."""
NORMAL_RANK = 5
"""The rank of `JobPriority.NORMAL`, and of priority 0 in the entrypoint style."""


class JobPriority(Enum):
    """The four named ranks. Jobs start in ascending rank: 1, 3, 5, 8."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def db_value(self) -> int:
        """The rank stored in the `priority` column."""
        return _RANKS[self]

    @classmethod
    def from_db_value(cls, db_value: int) -> JobPriority:
        """The named priority of a stored rank; NORMAL for a rank that has no name."""
        return _NAMES.get(db_value, cls.NORMAL)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"<JobPriority.{self.name}: {self.value} (db_value={self.db_value})>"


_RANKS = {JobPriority.CRITICAL: 1, JobPriority.HIGH: 3, JobPriority.NORMAL: NORMAL_RANK, JobPriority.LOW: 8}
_NAMES = {rank: priority for priority, rank in _RANKS.items()}


def rank_of(priority: JobPriority | int) -> int:
    """The rank to store. Integers are kept exactly.

    Raises:
        InvalidInput: neither a `JobPriority` nor an integer of four bytes.
    """
    if isinstance(priority, JobPriority):
        return priority.db_value
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise InvalidInput(
            "priority", f"expected a JobPriority or an int, got {shown(priority)}", "Try JobPriority.HIGH"
        )
    if not MIN_RANK <= priority <= MAX_RANK:
        raise InvalidInput("priority", f"{shown(priority)} does not fit a four-byte integer")
    return priority


def name_of_rank(rank: int) -> str | None:
    """What `JobPriority` calls a rank; None for one that has no name."""
    named = _NAMES.get(rank)
    return None if named is None else str(named)


def rank_of_priority(priority: int) -> int:
    """The rank of a priority as the entrypoint style counts it: 0 is normal, higher runs first."""
    return NORMAL_RANK - priority


def priority_of_rank(rank: int) -> int:
    """The opposite."""
    return NORMAL_RANK - rank
