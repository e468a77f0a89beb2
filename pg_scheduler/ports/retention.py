"""Deleting finished jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobStatus


@dataclass(frozen=True, slots=True)
class VacuumDay:
    """What was deleted on one day."""

    day: date
    deleted: Mapping[JobStatus, int]
    runs: int
    last_run: datetime


class Retention(Protocol):
    """Deleting finished jobs."""

    async def prune(
        self, status: JobStatus, policy: VacuumPolicy, limit: int, *, now: datetime | None = None
    ) -> int:
        """Delete up to `limit` jobs that the policy no longer keeps, with their history; how many. A job that
        is awaited stays for `AWAITED_STAY` after its end all the same."""
        ...

    async def forget_acts(self, kept: timedelta, limit: int, *, now: datetime | None = None) -> int:
        """Delete up to `limit` records of acts of people that are older than that, the first ones first, with
        what they say of jobs; how many."""
        ...

    async def record_vacuum(self, deleted: Mapping[JobStatus, int], *, now: datetime | None = None) -> None:
        """Add one run to the statistics of its day."""
        ...

    async def vacuum_stats(self, days: int | None, *, now: datetime | None = None) -> list[VacuumDay]:
        """Statistics of the last `days` days (None: all), latest first."""
        ...
