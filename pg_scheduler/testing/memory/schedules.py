"""Schedules in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.registration import Known, Registering, family_of, plan_registration
from pg_scheduler.domain.retry import backoff_from_text
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.schedule_store import (
    Advance,
    Contention,
    DueAnswer,
    NewSchedule,
    Origin,
    ScheduleRecord,
)
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.state import MemoryState, moment_of
from pg_scheduler.testing.memory.stored_schedule import StoredSchedule


class MemorySchedules:
    """`ScheduleStore` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def register_schedules(
        self, wanted: Sequence[NewSchedule], *, now: datetime | None = None
    ) -> list[ScheduleRecord]:
        moment = moment_of(now)
        families = {new.key: family_of(new.task_name, new.key) for new in wanted}
        for family in sorted(set(families.values())):
            self._register_family(family, [new for new in wanted if families[new.key] == family], moment)
        return [self._record(self._state.schedules[new.key]) for new in wanted]

    def _register_family(self, family: str, wanted: list[NewSchedule], moment: datetime) -> None:
        rows = self._state.schedules
        keys = {new.key for new in wanted}
        stored = [
            row
            for row in rows.values()
            if row.new.key in keys
            or (row.new.origin is Origin.CODE and family_of(row.new.task_name, row.new.key) == family)
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
        row = self._state.schedules.get(wanted.key)
        if row is None:
            self._state.schedules[wanted.key] = StoredSchedule(wanted, moment, moment)
        else:
            row.redefine(wanted, moment)
        self._state.signal(SignalKind.SCHEDULE)
        return row is None

    async def put_schedule(self, wanted: NewSchedule, *, now: datetime | None = None) -> bool:
        return self._put(wanted, moment_of(now))

    async def remove_schedule(self, key: str) -> bool:
        return self._state.schedules.pop(key, None) is not None

    async def set_paused(self, key: str, paused: bool, *, now: datetime | None = None) -> bool:
        row = self._state.schedules.get(key)
        if row is None:
            return False
        if row.new.paused is not paused:
            row.new, row.next_window = replace(row.new, paused=paused), None
        for job in self._state.jobs.values() if paused else ():
            if job.new.schedule_key == key and job.window and job.never_began:
                job.end(JobStatus.CANCELLED, moment_of(now))
                job.error_message = "its schedule was paused"
        self._state.signal(SignalKind.SCHEDULE)
        return True

    async def due_schedules(
        self, task_names: Sequence[str], limit: int, *, now: datetime | None = None
    ) -> DueAnswer:
        moment = moment_of(now)
        mine = [
            row for row in self._state.schedules.values() if row.active and row.new.task_name in task_names
        ]
        due = [row for row in mine if row.next_window is None or row.next_window <= moment]
        due = [row for row in due if not (row.waits and self._busy(row.new.key))]
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
        row = self._state.schedules.get(step.key)
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
            if job.job_id not in self._state.jobs:
                new = _job_of(row.new, job.job_id, job.execution_time)
                self._state.store(new, moment_of(now), job.execution_time).window = job.window
        if step.jobs:
            self._state.signal(SignalKind.DUE)
        return True

    async def list_schedules(self, keys: Sequence[str] | None = None) -> list[ScheduleRecord]:
        rows = self._state.schedules
        return [self._record(rows[key]) for key in sorted(rows) if keys is None or key in keys]

    async def note_manual_run(self, key: str, job_id: str) -> None:
        if key in self._state.schedules:
            self._state.schedules[key].last_job_id = job_id

    def _busy(self, key: str) -> bool:
        return any(
            job.new.schedule_key == key and not job.status.finished for job in self._state.jobs.values()
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
