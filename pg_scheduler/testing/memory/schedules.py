"""Schedules in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pg_scheduler.domain.astray import StraySchedule
from pg_scheduler.domain.audit import Act, Actor
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.domain.retry import backoff_from_text
from pg_scheduler.domain.schedule import zone_in
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.succession import Standing, is_ahead, plan_registrations, redefined
from pg_scheduler.ports.schedule_store import (
    Advance,
    Contention,
    DueAnswer,
    MovedRuns,
    NewSchedule,
    Origin,
    ScheduleRecord,
    StrayAnswer,
    wanted_of,
)
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import MemoryState, moment_of
from pg_scheduler.testing.memory.stored_schedule import StoredSchedule
from pg_scheduler.testing.memory.transactions import MemoryTransactions, Stores


class MemorySchedules:
    """`ScheduleStore` over the state."""

    def __init__(self, state: MemoryState, transactions: MemoryTransactions | None = None) -> None:
        self._state = state
        self._transactions = transactions or MemoryTransactions(state)

    async def register_schedules(
        self, wanted: Sequence[NewSchedule], *, now: datetime | None = None
    ) -> list[ScheduleRecord]:
        moment, rows = moment_of(now), self._state.schedules
        plan = plan_registrations(
            [wanted_of(new) for new in wanted], [row.known() for row in rows.values()], moment
        )
        for key in plan.confirm:
            rows[key].heartbeat = moment
        definitions = {new.key: new for new in wanted}
        for key, standing in plan.put:
            self._put(definitions[key], standing, moment)
        for key in (*plan.replace, *plan.abandon):
            rows[key].retired = True
        for key in plan.replace:
            rows[key].next_window = None
        self._stand_alone({key for key, _ in plan.put})
        return [self._record(rows[new.key]) for new in wanted]

    async def retire_abandoned(self, keys: Collection[str], *, now: datetime | None = None) -> list[str]:
        silent_since = moment_of(now) - SILENCE
        abandoned = [
            row
            for key in sorted(keys)
            if (row := self._state.schedules.get(key)) is not None
            and row.new.origin is Origin.CODE
            and not row.retired
            and row.heartbeat <= silent_since
        ]
        for row in abandoned:
            row.retired = True
        return [row.new.key for row in abandoned]

    async def stray_schedules(
        self, known_names: Collection[str], *, now: datetime | None = None
    ) -> StrayAnswer:
        moment = moment_of(now)
        found = [self._stray(row) for key, row in sorted(self._state.schedules.items()) if not row.retired]
        return StrayAnswer(
            moment,
            tuple(
                one
                for one in found
                if (one.of_code and one.heartbeat <= moment - SILENCE)
                or one.has_runs_of_another_task
                or (one.active and (one.task_name not in known_names or is_ahead(one.mark, moment)))
            ),
        )

    def _stray(self, row: StoredSchedule) -> StraySchedule:
        return StraySchedule(
            key=row.new.key,
            task_name=row.new.task_name,
            of_code=row.new.origin is Origin.CODE,
            active=row.active,
            heartbeat=row.heartbeat,
            mark=row.mark,
            next_window=row.next_window,
            waits=row.waits and self._busy(row),
            has_runs_of_another_task=bool(self._runs_of_another_task(row)),
        )

    def _runs_of_another_task(self, row: StoredSchedule) -> list[StoredJob]:
        return [
            job
            for job in self._state.jobs.values()
            if job.new.schedule_key in row.keys
            and job.status is JobStatus.PENDING
            and job.new.task_name != row.new.task_name
        ]

    def _heir_of(self, key: str) -> StoredSchedule | None:
        """The schedule whose task runs of this key are for: itself, or who has taken its place."""
        rows = self._state.schedules
        heirs = [row for row in rows.values() if not row.retired and key in row.keys]
        replaced = rows.get(key)

        def distance(row: StoredSchedule) -> tuple[bool, bool, str]:
            of_its_line = replaced is not None and row.lock == replaced.lock
            return row.new.key != key, not of_its_line, row.new.key

        return min(heirs, key=distance, default=None)

    async def move_runs(self, *, now: datetime | None = None) -> list[MovedRuns]:
        moved: list[MovedRuns] = []
        for key, row in sorted(self._state.schedules.items()):
            runs = [
                job
                for job in ([] if row.retired else self._runs_of_another_task(row))
                if self._heir_of(job.new.schedule_key or "") is row
            ]
            before = Counter(job.new.task_name for job in runs)
            moved += [
                MovedRuns(key, name, row.new.task_name, count) for name, count in sorted(before.items())
            ]
            for job in runs:
                job.new = replace(job.new, task_name=row.new.task_name, task_data=row.new.task_data)
                job.lane = None
        if moved:
            self._state.signal(SignalKind.DUE)
        return moved

    def _stand_alone(self, keys: set[str]) -> None:
        """These are schedules again: nobody else stands for them."""
        for row in self._state.schedules.values():
            if not row.retired:
                row.stands_for = tuple(key for key in row.stands_for if key not in keys)

    def _put(self, wanted: NewSchedule, standing: Standing, moment: datetime) -> bool:
        rows = self._state.schedules
        is_new = wanted.key not in rows
        if is_new:
            rows[wanted.key] = StoredSchedule(wanted, moment, moment)
        rows[wanted.key].take(wanted, standing, moment)
        self._state.signal(SignalKind.SCHEDULE)
        return is_new

    async def put_schedule(
        self, wanted: NewSchedule, *, now: datetime | None = None, connection: Any = None
    ) -> bool:
        moment, row = moment_of(now), self._state.schedules.get(wanted.key)
        if connection is not None:

            async def put(stores: Stores) -> bool:
                return await stores.schedules.put_schedule(wanted, now=moment)

            return await self._transactions.of(connection).do(put)
        standing = (
            Standing(paused=wanted.paused) if row is None else redefined(wanted.spec, row.known(), moment)
        )
        return self._put(wanted, standing, moment)

    async def remove_schedule(
        self, key: str, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        removed = self._state.schedules.pop(key, None) is not None
        self._state.note_act(by, Act.REMOVE_SCHEDULE, key, int(removed), moment_of(now))
        return removed

    async def set_paused(
        self, key: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        row = self._state.schedules.get(key)
        if row is None:
            return False
        if row.new.paused is not paused:
            act = Act.PAUSE_SCHEDULE if paused else Act.RESUME_SCHEDULE
            self._state.note_act(by, act, key, 1, moment_of(now))
            row.new, row.next_window = replace(row.new, paused=paused), None
            if is_ahead(row.mark, moment_of(now)):
                row.mark = moment_of(now)
        for job in self._state.jobs.values() if paused else ():
            if job.new.schedule_key == key and job.window and job.never_began:
                job.end(JobStatus.CANCELLED, moment_of(now))
                job.error_message = "its schedule was paused"
        self._state.signal(SignalKind.SCHEDULE)
        return True

    async def due_schedules(
        self,
        task_names: Sequence[str],
        limit: int,
        *,
        except_for: Collection[tuple[str, str]] = (),
        now: datetime | None = None,
    ) -> DueAnswer:
        moment = moment_of(now)
        mine = [
            row for row in self._state.schedules.values() if row.active and row.new.task_name in task_names
        ]
        due = [row for row in mine if row.next_window is None or row.next_window <= moment]
        due = [row for row in due if (row.new.key, row.new.spec_hash) not in except_for]
        due = [row for row in due if not (row.waits and self._busy(row))]
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
            or (step.unless_busy and self._busy(row))
        ):
            return False
        row.mark = step.mark or row.mark
        row.next_window = step.next_window
        row.run_count += len(step.jobs)
        row.skipped_count += step.skipped
        for job in step.jobs:
            row.last_job_id = job.job_id
            if job.job_id not in self._state.jobs:
                new = _job_of(row, job.job_id, job.execution_time)
                self._state.store(new, moment_of(now), job.execution_time).window = job.window
        if step.jobs:
            self._state.signal(SignalKind.DUE)
        return True

    async def zoned_schedules(
        self, task_names: Sequence[str], after: str, limit: int
    ) -> list[ScheduleRecord]:
        rows = self._state.schedules
        found = [rows[key] for key in sorted(rows) if key > after and rows[key].new.task_name in task_names]
        found = [row for row in found if row.active and row.next_window and zone_in(row.new.spec) != "UTC"]
        return [replace(self._record(row), busy=False) for row in found[:limit]]

    async def list_schedules(
        self, keys: Sequence[str] | None = None, *, connection: Any = None
    ) -> list[ScheduleRecord]:
        if connection is not None:
            seen = await self._transactions.of(connection).view()
            return await MemorySchedules(seen).list_schedules(keys)
        rows = self._state.schedules
        return [self._record(rows[key]) for key in sorted(rows) if keys is None or key in keys]

    async def note_manual_run(
        self, key: str, job_id: str, *, now: datetime | None = None, by: Actor | None = None
    ) -> None:
        if key in self._state.schedules:
            self._state.note_act(by, Act.RUN_SCHEDULE, key, 1, moment_of(now))
            self._state.schedules[key].last_job_id = job_id

    def _busy(self, row: StoredSchedule) -> bool:
        return any(
            job.new.schedule_key in row.keys and not job.status.finished for job in self._state.jobs.values()
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
            busy=self._busy(row),
            lock_name=row.lock_name,
        )


def _job_of(row: StoredSchedule, job_id: str, execution_time: datetime) -> NewJob:
    schedule = row.new
    return NewJob(
        job_id=job_id,
        task_name=schedule.task_name,
        execution_time=execution_time,
        task_data=schedule.task_data,
        rank=schedule.rank,
        queue=schedule.queue,
        max_retries=schedule.max_retries,
        misfire_grace_seconds=schedule.misfire_grace_seconds,
        timeout=schedule.timeout,
        backoff=backoff_from_text(schedule.backoff),
        schedule_key=schedule.key,
        exclusive_key=row.lock if schedule.exclusive else None,
        exclusive_wait=schedule.contention is Contention.WAIT,
    )
