"""The life of schedules, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.registration import Known, Registering, family_of, plan_registration
from pg_scheduler.domain.schedule import Overlap, ScheduleSpec
from pg_scheduler.ports.schedule_store import (
    Advance,
    Contention,
    DueAnswer,
    NewSchedule,
    Origin,
    ScheduleRecord,
)
from pg_scheduler_postgres.conversions import duration, instant, seconds, utc
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Row, Session


class PostgresSchedules:
    """`ScheduleStore` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def register_schedules(
        self, wanted: Sequence[NewSchedule], *, now: datetime | None = None
    ) -> list[ScheduleRecord]:
        families: dict[str, list[NewSchedule]] = {}
        for new in wanted:
            families.setdefault(family_of(new.task_name, new.key), []).append(new)
        async with self._link.session.transaction() as transaction:
            # Two workers that start together decide one after the other.
            await transaction.fetch(
                "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))",
                [f"pg_scheduler schedules {self._link.statements.schema}"],
            )
            for family in sorted(families):
                await self._register_family(transaction, family, families[family], now)
        found = {record.new.key: record for record in await self.list_schedules([new.key for new in wanted])}
        return [found[new.key] for new in wanted]

    async def _register_family(
        self,
        transaction: Session,
        family: str,
        wanted: list[NewSchedule],
        now: datetime | None,
    ) -> None:
        rows = await self._link.run(
            "schedules_of_family",
            transaction,
            now=now,
            family=family,
            keys=[new.key for new in wanted],
        )
        stored = {row["schedule_key"]: row for row in rows}
        moment = now or (await transaction.fetch("SELECT now() AS now"))[0]["now"]
        plan = plan_registration(
            [(new.key, new.spec_hash) for new in wanted],
            [
                Known(
                    row["schedule_key"],
                    row["spec_hash"],
                    tuple(row["older_hashes"]),
                    row["heartbeat"],
                    row["retired"],
                )
                for row in rows
            ],
            moment,
        )
        replaced = [stored[key] for key in plan.retire]
        for new, decision in zip(wanted, plan.decisions, strict=True):
            if decision in (Registering.INSERT, Registering.REVIVE, Registering.REDEFINE):
                await self._put(transaction, new, now, stored.get(new.key), replaced)
        confirmed = [
            new.key
            for new, decision in zip(wanted, plan.decisions, strict=True)
            if decision is Registering.CONFIRM
        ]
        await self._link.run("confirm_schedules", transaction, now=now, keys=confirmed)
        await self._link.run("retire_schedules", transaction, keys=list(plan.retire))

    async def _put(
        self,
        session: Session | None,
        new: NewSchedule,
        now: datetime | None,
        stored: Row | None,
        replaced: Sequence[Row] = (),
    ) -> bool:
        spec = ScheduleSpec.from_text(new.spec)
        marks = [row["mark"] for row in replaced if row["mark"] is not None]
        replaced_pause = any(row["paused"] for row in replaced)
        # A row that comes back is paused if what it replaces is: its own state is from before.
        revived = stored is not None and stored["retired"] and bool(replaced)
        rows = await self._link.run(
            "put_schedule",
            session,
            now=now,
            schedule_key=new.key,
            task_name=new.task_name,
            spec=new.spec,
            spec_hash=new.spec_hash,
            task_data=new.task_data,
            priority=new.rank,
            max_retries=new.max_retries,
            misfire_grace_time=new.misfire_grace_seconds,
            timeout_seconds=seconds(new.timeout),
            backoff=new.backoff,
            exclusive=new.exclusive,
            contention=str(new.contention),
            origin=str(new.origin),
            waits=spec.overlap is Overlap.WAIT,
            paused=new.paused or replaced_pause,
            inherited_pause=replaced_pause if revived else None,
            mark=max(marks, default=None),
            keep_windows=stored is not None and spec.same_windows(ScheduleSpec.from_text(stored["spec"])),
        )
        inserted: bool = rows[0]["inserted"]
        return inserted

    async def put_schedule(self, wanted: NewSchedule, *, now: datetime | None = None) -> bool:
        async with self._link.session.transaction() as transaction:
            rows = await self._link.run("lock_schedule", transaction, schedule_key=wanted.key)
            return await self._put(transaction, wanted, now, rows[0] if rows else None)

    async def remove_schedule(self, key: str) -> bool:
        return bool(await self._link.run("remove_schedule", schedule_key=key))

    async def set_paused(self, key: str, paused: bool, *, now: datetime | None = None) -> bool:
        return bool(
            await self._link.run(
                "pause_schedule",
                now=now,
                schedule_key=key,
                paused=paused,
            )
        )

    async def due_schedules(
        self, task_names: Sequence[str], limit: int, *, now: datetime | None = None
    ) -> DueAnswer:
        rows = await self._link.run("due_schedules", now=now, task_names=list(task_names), limit=limit)
        return DueAnswer(
            now=instant(rows[0]["now"]),
            schedules=tuple(schedule_record(row) for row in rows if row["schedule_key"] is not None),
            next_window_in=duration(rows[0]["wait_seconds"]),
        )

    async def advance_schedules(self, steps: Sequence[Advance], *, now: datetime | None = None) -> list[bool]:
        jobs = [(step.key, job) for step in steps for job in step.jobs]
        rows = await self._link.run(
            "advance_schedules",
            now=now,
            schedule_keys=[step.key for step in steps],
            spec_hashes=[step.spec_hash for step in steps],
            expected_windows=[step.expected_next for step in steps],
            marks=[step.mark for step in steps],
            next_windows=[step.next_window for step in steps],
            skipped=[step.skipped for step in steps],
            unless_busy=[step.unless_busy for step in steps],
            job_counts=[len(step.jobs) for step in steps],
            last_job_ids=[step.jobs[-1].job_id if step.jobs else None for step in steps],
            job_keys=[key for key, _ in jobs],
            job_ids=[job.job_id for _, job in jobs],
            windows=[job.window for _, job in jobs],
            execution_times=[job.execution_time for _, job in jobs],
        )
        taken = {row["schedule_key"] for row in rows}
        return [step.key in taken for step in steps]

    async def list_schedules(self, keys: Sequence[str] | None = None) -> list[ScheduleRecord]:
        rows = await self._link.run("schedules", keys=None if keys is None else list(keys))
        return [schedule_record(row) for row in rows]

    async def note_manual_run(self, key: str, job_id: str) -> None:
        await self._link.run("note_manual_run", schedule_key=key, job_id=job_id)


def schedule_record(row: Row) -> ScheduleRecord:
    """A row of the schedules table."""
    window: Any = row["next_window"]
    return ScheduleRecord(
        new=NewSchedule(
            key=row["schedule_key"],
            task_name=row["task_name"],
            spec=row["spec"],
            spec_hash=row["spec_hash"],
            task_data=row["task_data"],
            rank=row["priority"],
            max_retries=row["max_retries"],
            misfire_grace_seconds=row["misfire_grace_time"],
            timeout=duration(row["timeout_seconds"]),
            backoff=row["backoff"],
            exclusive=row["exclusive"],
            contention=Contention(row["contention"]),
            origin=Origin(row["origin"]),
            paused=row["paused"],
        ),
        mark=utc(row["mark"]),
        next_window=utc(window),
        run_count=row["run_count"],
        skipped_count=row["skipped_count"],
        created_at=instant(row["created_at"]),
        heartbeat=instant(row["heartbeat"]),
        retired=row["retired"],
        last_job_id=row["last_job_id"],
        busy=row["busy"],
    )
