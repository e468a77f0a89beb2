"""The memory driver's schedules, locks and retention."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.registration import Known, Registering, plan_registration
from pg_scheduler.domain.retention import VacuumPolicy, VacuumTrigger
from pg_scheduler.domain.retry import backoff_from_text
from pg_scheduler.domain.schedule import Overlap, ScheduleSpec
from pg_scheduler.domain.states import FINISHED, JobStatus
from pg_scheduler.ports.retention import VacuumDay
from pg_scheduler.ports.schedule_store import (
    Advance,
    Contention,
    DueAnswer,
    NewSchedule,
    Origin,
    ScheduleRecord,
)
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory_store import Store, StoredJob


@dataclass(slots=True)
class StoredSchedule:
    """One row of `scheduled_job_schedules`."""

    new: NewSchedule
    created_at: datetime
    heartbeat: datetime
    mark: datetime | None = None
    next_window: datetime | None = None
    run_count: int = 0
    skipped_count: int = 0
    older_hashes: tuple[str, ...] = ()
    retired: bool = False
    last_job_id: str | None = None

    @property
    def active(self) -> bool:
        """True if its windows become jobs."""
        return not self.new.paused and not self.retired

    def redefine(self, wanted: NewSchedule, now: datetime) -> None:
        """Take a new definition; windows start anew where their rule changed."""
        keep = ScheduleSpec.from_text(wanted.spec).same_windows(ScheduleSpec.from_text(self.new.spec))
        if wanted.spec_hash != self.new.spec_hash:
            gone = (wanted.spec_hash, self.new.spec_hash)
            older = tuple(one for one in self.older_hashes if one not in gone)
            self.older_hashes = (*older, self.new.spec_hash)
        self.new = replace(wanted, paused=self.new.paused)
        self.next_window = self.next_window if keep else None
        self.heartbeat, self.retired = now, False


@dataclass(slots=True)
class ScheduleTables:
    """Schedules, locks held and statistics."""

    schedules: dict[str, StoredSchedule] = field(default_factory=dict)
    locks: set[str] = field(default_factory=set)
    vacuum_days: dict[date, VacuumDay] = field(default_factory=dict)


class MemorySchedules:
    """`ScheduleStore`, `Locks` and `Retention` over the memory store."""

    _store: Store
    _tables: ScheduleTables
    _signal: Callable[[SignalKind], None]

    # --- schedules

    async def register_schedules(
        self, wanted: Sequence[NewSchedule], *, now: datetime | None = None
    ) -> list[ScheduleRecord]:
        moment = now or datetime.now(UTC)
        for task_name in sorted({new.task_name for new in wanted}):
            self._register_task(task_name, [new for new in wanted if new.task_name == task_name], moment)
        return [self._record(self._tables.schedules[new.key]) for new in wanted]

    def _register_task(self, task_name: str, wanted: list[NewSchedule], moment: datetime) -> None:
        rows = self._tables.schedules
        keys = {new.key for new in wanted}
        stored = [
            row
            for row in rows.values()
            if (row.new.task_name == task_name and row.new.origin is Origin.CODE) or row.new.key in keys
        ]
        plan = plan_registration(
            [(new.key, new.spec_hash) for new in wanted],
            [
                Known(row.new.key, row.new.spec_hash, row.older_hashes, row.heartbeat, row.retired)
                for row in stored
            ],
            moment,
        )
        replaced = [rows[key] for key in plan.retire]
        marks = [row.mark for row in replaced if row.mark is not None]
        for new, decision in zip(wanted, plan.decisions, strict=True):
            if decision is Registering.CONFIRM:
                rows[new.key].heartbeat = moment
            elif decision is not Registering.YIELD:
                replaced_pause = any(row.new.paused for row in replaced)
                revived = new.key in rows and rows[new.key].retired and bool(replaced)
                self._put(replace(new, paused=new.paused or replaced_pause), moment)
                if revived:
                    # Paused if what it replaces is: its own state is from before.
                    rows[new.key].new = replace(rows[new.key].new, paused=replaced_pause)
                known = [mark for mark in (rows[new.key].mark, *marks) if mark is not None]
                rows[new.key].mark = max(known, default=None)
        for row in replaced:
            row.retired, row.next_window = True, None

    def _put(self, wanted: NewSchedule, moment: datetime) -> bool:
        row = self._tables.schedules.get(wanted.key)
        if row is None:
            self._tables.schedules[wanted.key] = StoredSchedule(wanted, moment, moment)
        else:
            row.redefine(wanted, moment)
        self._signal(SignalKind.SCHEDULE)
        return row is None

    async def put_schedule(self, wanted: NewSchedule, *, now: datetime | None = None) -> bool:
        return self._put(wanted, now or datetime.now(UTC))

    async def remove_schedule(self, key: str) -> bool:
        return self._tables.schedules.pop(key, None) is not None

    async def set_paused(self, key: str, paused: bool, *, now: datetime | None = None) -> bool:
        row = self._tables.schedules.get(key)
        if row is None:
            return False
        if row.new.paused is not paused:
            row.new, row.next_window = replace(row.new, paused=paused), None
        for job in self._store.jobs.values() if paused else ():
            if job.new.schedule_key == key and job.window and job.never_began:
                job.end(JobStatus.CANCELLED, now or datetime.now(UTC))
                job.error_message = "its schedule was paused"
        self._signal(SignalKind.SCHEDULE)
        return True

    async def due_schedules(
        self, task_names: Sequence[str], limit: int, *, now: datetime | None = None
    ) -> DueAnswer:
        moment = now or datetime.now(UTC)
        mine = [
            row for row in self._tables.schedules.values() if row.active and row.new.task_name in task_names
        ]
        due = [row for row in mine if row.next_window is None or row.next_window <= moment]
        due = [row for row in due if not (_waits(row) and self._busy(row.new.key))]
        earliest = datetime.min.replace(tzinfo=UTC)
        due.sort(key=lambda row: (row.next_window or earliest, row.new.key))
        future = [row.next_window for row in mine if row.next_window and row.next_window > moment]
        return DueAnswer(
            now=moment,
            schedules=tuple(self._record(row) for row in sorted(due[:limit], key=lambda row: row.new.key)),
            next_window_in=min(future) - moment if future else None,
        )

    async def advance_schedules(self, steps: Sequence[Advance], *, now: datetime | None = None) -> list[bool]:
        return [self._advance(step, now) for step in steps]

    def _advance(self, step: Advance, now: datetime | None) -> bool:
        row = self._tables.schedules.get(step.key)
        if (
            row is None
            or not row.active
            or row.new.spec_hash != step.spec_hash
            or row.next_window != step.expected_next
            or (step.mark is not None and row.mark is not None and step.mark <= row.mark)
            or (step.unless_busy and self._busy(step.key))
        ):
            return False
        row.mark = step.mark or row.mark
        row.next_window = step.next_window
        row.run_count += len(step.jobs)
        row.skipped_count += step.skipped
        for job in step.jobs:
            row.last_job_id = job.job_id
            if job.job_id not in self._store.jobs:
                stored = StoredJob(
                    _job_of(row.new, job.job_id, job.execution_time),
                    now or datetime.now(UTC),
                    job.execution_time,
                )
                stored.window = job.window
                self._store.jobs[job.job_id] = stored
        if step.jobs:
            self._signal(SignalKind.DUE)
        return True

    async def list_schedules(self, keys: Sequence[str] | None = None) -> list[ScheduleRecord]:
        rows = self._tables.schedules
        return [self._record(rows[key]) for key in sorted(rows) if keys is None or key in keys]

    async def note_manual_run(self, key: str, job_id: str) -> None:
        if key in self._tables.schedules:
            self._tables.schedules[key].last_job_id = job_id

    def _busy(self, key: str) -> bool:
        return any(
            job.new.schedule_key == key and not job.status.finished for job in self._store.jobs.values()
        )

    def _record(self, row: StoredSchedule) -> ScheduleRecord:
        return ScheduleRecord(
            new=row.new,
            mark=row.mark,
            next_window=row.next_window,
            run_count=row.run_count,
            skipped_count=row.skipped_count,
            created_at=row.created_at,
            heartbeat=row.heartbeat,
            retired=row.retired,
            last_job_id=row.last_job_id,
            busy=self._busy(row.new.key),
        )

    # --- locks

    @asynccontextmanager
    async def exclusive(self, name: str, on_lost: Callable[[], None]) -> AsyncIterator[bool]:
        if name in self._tables.locks:
            yield False
            return
        self._tables.locks.add(name)
        try:
            yield True
        finally:
            self._tables.locks.discard(name)

    # --- retention

    async def prune(
        self, status: JobStatus, policy: VacuumPolicy, limit: int, *, now: datetime | None = None
    ) -> int:
        finished = [job for job in self._store.jobs.values() if job.status is status]
        old = [job.new.job_id for job in _too_old(finished, policy, now or datetime.now(UTC))][:limit]
        self._store.forget(old)
        return len(old)

    async def record_vacuum(self, deleted: Mapping[JobStatus, int], *, now: datetime | None = None) -> None:
        moment = now or datetime.now(UTC)
        before = self._tables.vacuum_days.get(moment.date())
        self._tables.vacuum_days[moment.date()] = VacuumDay(
            day=moment.date(),
            deleted={
                status: deleted.get(status, 0) + (before.deleted[status] if before else 0)
                for status in FINISHED
            },
            runs=1 + (before.runs if before else 0),
            last_run=moment,
        )

    async def vacuum_stats(self, days: int | None, *, now: datetime | None = None) -> list[VacuumDay]:
        today = (now or datetime.now(UTC)).date()
        kept = [
            day
            for day in self._tables.vacuum_days.values()
            if days is None or day.day > today - timedelta(days=days)
        ]
        return sorted(kept, key=lambda day: day.day, reverse=True)


def _waits(row: StoredSchedule) -> bool:
    return ScheduleSpec.from_text(row.new.spec).overlap is Overlap.WAIT


def _job_of(schedule: NewSchedule, job_id: str, execution_time: datetime) -> NewJob:
    return NewJob(
        job_id=job_id,
        task_name=schedule.task_name,
        execution_time=execution_time,
        task_data=schedule.task_data,
        rank=schedule.rank,
        max_retries=schedule.max_retries,
        misfire_grace_seconds=schedule.misfire_grace_seconds,
        timeout=schedule.timeout,
        backoff=backoff_from_text(schedule.backoff),
        schedule_key=schedule.key,
        exclusive_key=schedule.key if schedule.exclusive else None,
        exclusive_wait=schedule.contention is Contention.WAIT,
    )


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
    limit = now - timedelta(days=policy.days or 0)
    return [job for job in newest_first if job.finished_at is not None and job.finished_at <= limit][::-1]
