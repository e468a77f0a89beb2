"""Deleting finished jobs in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pg_scheduler.domain.retention import AWAITED_STAY, VacuumPolicy, VacuumTrigger
from pg_scheduler.domain.states import FINISHED, JobStatus
from pg_scheduler.ports.retention import VacuumDay
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import MemoryState, moment_of


class MemoryRetention:
    """`Retention` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def prune(
        self, status: JobStatus, policy: VacuumPolicy, limit: int, *, now: datetime | None = None
    ) -> int:
        moment = moment_of(now)
        finished = [job for job in self._state.jobs.values() if job.status is status]
        too_old = [job for job in _too_old(finished, policy, moment) if not _stays(job, moment)]
        old = [job.new.job_id for job in too_old][:limit]
        self._state.forget(old)
        return len(old)

    async def forget_acts(self, kept: timedelta, limit: int, *, now: datetime | None = None) -> int:
        first = self._state.audit[:limit]
        old = {record.audit_id for record in first if record.at < moment_of(now) - kept}
        self._state.audit = [record for record in self._state.audit if record.audit_id not in old]
        for audit_id in old:
            del self._state.audit_jobs[audit_id]
        return len(old)

    async def record_vacuum(self, deleted: Mapping[JobStatus, int], *, now: datetime | None = None) -> None:
        moment = moment_of(now)
        before = self._state.vacuum_days.get(moment.date())
        self._state.vacuum_days[moment.date()] = VacuumDay(
            day=moment.date(),
            deleted={
                status: deleted.get(status, 0) + (before.deleted[status] if before else 0)
                for status in FINISHED
            },
            runs=1 + (before.runs if before else 0),
            last_run=moment,
        )

    async def vacuum_stats(self, days: int | None, *, now: datetime | None = None) -> list[VacuumDay]:
        today = moment_of(now).date()
        kept = [
            day
            for day in self._state.vacuum_days.values()
            if days is None or day.day > today - timedelta(days=days)
        ]
        return sorted(kept, key=lambda day: day.day, reverse=True)


def _too_old(finished: list[StoredJob], policy: VacuumPolicy, now: datetime) -> list[StoredJob]:
    """The jobs of one status that a policy no longer keeps, oldest first."""
    newest_first = sorted(
        finished, key=lambda job: (job.finished_at or job.created_at, job.new.job_id), reverse=True
    )
    if policy.trigger is VacuumTrigger.NEVER:
        return []
    if policy.trigger is VacuumTrigger.COUNT_BASED:
        seen: dict[str, int] = {}
        old = []
        for job in newest_first:
            seen[job.new.task_name] = seen.get(job.new.task_name, 0) + 1
            if seen[job.new.task_name] > (policy.keep_count or 0):
                old.append(job)
        return old[::-1]
    limit = now - policy.age
    return [job for job in newest_first if job.finished_at is not None and job.finished_at <= limit][::-1]


def _stays(job: StoredJob, now: datetime) -> bool:
    """Whether somebody waits for it, and it has only just ended."""
    return job.awaited and job.finished_at is not None and job.finished_at > now - AWAITED_STAY
