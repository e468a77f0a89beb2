"""The life of schedules, as SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from pg_scheduler.domain.astray import StraySchedule
from pg_scheduler.domain.audit import Act, Actor
from pg_scheduler.domain.registration import SILENCE, Known, family_of
from pg_scheduler.domain.schedule import Overlap, overlap_in
from pg_scheduler.domain.succession import AHEAD, Plan, Standing, plan_registrations, redefined
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
from pg_scheduler_postgres.auditing import Changed, recorded
from pg_scheduler_postgres.callers import session_for
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
        if not wanted:
            return []
        # Nearly always nothing has changed: then nobody waits for anybody.
        plan = _plan(wanted, await self._registered("registered_schedules", None, wanted, now))
        if plan.only_confirms:
            await self._confirm(None, wanted, plan, now)
        else:
            await self._register(wanted, now)
        found = {record.new.key: record for record in await self.list_schedules([new.key for new in wanted])}
        return [found[new.key] for new in wanted]

    async def _register(self, wanted: Sequence[NewSchedule], now: datetime | None) -> None:
        async with self._link.session.transaction() as transaction:
            # Two workers that start together decide one after the other.
            await transaction.fetch(
                "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1::text, 0))",
                [f"pg_scheduler schedules {self._link.statements.schema}"],
            )
            rows = await self._registered("lock_schedules", transaction, wanted, now)
            plan, stored = _plan(wanted, rows), {row["schedule_key"] for row in rows}
            definitions = {new.key: new for new in wanted}
            for key, standing in sorted(plan.put):
                await self._put(transaction, definitions[key], now, standing, known=key in stored)
            await self._confirm(transaction, wanted, plan, now)
            if plan.replace or plan.abandon:
                await self._link.run(
                    "retire_schedules",
                    transaction,
                    replaced=list(plan.replace),
                    abandoned=list(plan.abandon),
                )
            if plan.put:
                await self._link.run("stand_alone", transaction, keys=[key for key, _ in plan.put])

    async def _registered(
        self,
        statement: str,
        session: Session | None,
        wanted: Sequence[NewSchedule],
        now: datetime | None,
    ) -> Sequence[Row]:
        return await self._link.run(
            statement,
            session,
            now=now,
            families=sorted({family_of(new.task_name, new.key) for new in wanted}),
            keys=[new.key for new in wanted],
        )

    async def _confirm(
        self, session: Session | None, wanted: Sequence[NewSchedule], plan: Plan, now: datetime | None
    ) -> None:
        confirmed = [new for new in wanted if new.key in plan.confirm]
        if confirmed:
            await self._link.run(
                "confirm_schedules",
                session,
                now=now,
                keys=[new.key for new in confirmed],
                spec_hashes=[new.spec_hash for new in confirmed],
            )

    async def _put(
        self,
        session: Session,
        new: NewSchedule,
        now: datetime | None,
        standing: Standing,
        *,
        known: bool,
    ) -> bool:
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
            queue=new.queue,
            exclusive=new.exclusive,
            contention=str(new.contention),
            origin=str(new.origin),
            waits=overlap_in(new.spec) is Overlap.WAIT,
            paused=standing.paused,
            mark=standing.mark,
            next_window=standing.next_window,
            lock_name=standing.lock_name,
            stands_for=list(standing.stands_for),
            displaced_tasks=list(standing.displaced_tasks),
            known=known,
        )
        inserted: bool = rows[0]["inserted"]
        return inserted

    async def retire_abandoned(self, keys: Collection[str], *, now: datetime | None = None) -> list[str]:
        rows = await self._link.run(
            "retire_abandoned", now=now, keys=list(keys), silence_seconds=SILENCE.total_seconds()
        )
        return sorted(row["schedule_key"] for row in rows)

    async def stray_schedules(
        self, known_names: Collection[str], *, now: datetime | None = None
    ) -> StrayAnswer:
        rows = await self._link.run(
            "stray_schedules",
            now=now,
            known_names=list(known_names),
            silence_seconds=SILENCE.total_seconds(),
            ahead_seconds=AHEAD.total_seconds(),
        )
        return StrayAnswer(
            instant(rows[0]["now"]),
            tuple(_stray(row) for row in rows if row["schedule_key"] is not None),
        )

    async def move_runs(self, *, now: datetime | None = None) -> list[MovedRuns]:
        rows = await self._link.run("move_runs", now=now)
        return [
            MovedRuns(row["schedule_key"], row["task_before"], row["task_name"], row["runs"]) for row in rows
        ]

    async def put_schedule(
        self, wanted: NewSchedule, *, now: datetime | None = None, connection: Any = None
    ) -> bool:
        session = await session_for(self._link, connection, "the schedule")
        async with session.transaction() as transaction:
            rows = await self._link.run(
                "lock_schedules", transaction, now=now, families=[], keys=[wanted.key]
            )
            standing = (
                redefined(wanted.spec, _known(rows[0]), instant(rows[0]["now"]))
                if rows
                else Standing(paused=wanted.paused)
            )
            return await self._put(transaction, wanted, now, standing, known=bool(rows))

    async def remove_schedule(
        self, key: str, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        async def change(session: Session | None) -> Sequence[Row]:
            return await self._link.run("remove_schedule", session, schedule_key=key)

        def changed(rows: Sequence[Row]) -> Changed:
            return Changed(key, len(rows))

        removed = await recorded(self._link, by, Act.REMOVE_SCHEDULE, change, changed, now=now)
        return bool(removed)

    async def set_paused(
        self, key: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        async def change(session: Session | None) -> Sequence[Row]:
            return await self._link.run(
                "pause_schedule",
                session,
                now=now,
                schedule_key=key,
                paused=paused,
                ahead_seconds=AHEAD.total_seconds(),
            )

        def changed(rows: Sequence[Row]) -> Changed:
            return Changed(key, sum(row["changed"] for row in rows))

        act = Act.PAUSE_SCHEDULE if paused else Act.RESUME_SCHEDULE
        found = await recorded(self._link, by, act, change, changed, now=now)
        if found and paused:
            await self._link.run("withdraw_runs", now=now, schedule_key=key)
        return bool(found)

    async def due_schedules(
        self,
        task_names: Sequence[str],
        limit: int,
        *,
        except_for: Collection[tuple[str, str]] = (),
        now: datetime | None = None,
    ) -> DueAnswer:
        rows = await self._link.run(
            "due_schedules",
            now=now,
            task_names=list(task_names),
            limit=limit,
            except_keys=[key for key, _ in except_for],
            except_hashes=[hashed for _, hashed in except_for],
        )
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

    async def zoned_schedules(
        self, task_names: Sequence[str], after: str, limit: int
    ) -> list[ScheduleRecord]:
        rows = await self._link.run(
            "zoned_schedules", task_names=list(task_names), after_key=after, limit=limit
        )
        return [schedule_record(row) for row in rows]

    async def list_schedules(
        self, keys: Sequence[str] | None = None, *, connection: Any = None
    ) -> list[ScheduleRecord]:
        session = None if connection is None else await self._link.borrowed(connection)
        rows = await self._link.run("schedules", session, keys=None if keys is None else list(keys))
        return [schedule_record(row) for row in rows]

    async def note_manual_run(
        self, key: str, job_id: str, *, now: datetime | None = None, by: Actor | None = None
    ) -> None:
        async def change(session: Session | None) -> Sequence[Row]:
            return await self._link.run("note_manual_run", session, schedule_key=key, job_id=job_id)

        def changed(rows: Sequence[Row]) -> Changed:
            return Changed(key, len(rows))

        await recorded(self._link, by, Act.RUN_SCHEDULE, change, changed, now=now)


def _plan(wanted: Sequence[NewSchedule], rows: Sequence[Row]) -> Plan:
    now = instant(rows[0]["now"]) if rows else datetime.max.replace(tzinfo=UTC)
    return plan_registrations([wanted_of(new) for new in wanted], [_known(row) for row in rows], now)


def _known(row: Row) -> Known:
    return Known(
        key=row["schedule_key"],
        spec_hash=row["spec_hash"],
        older_hashes=tuple(row["older_hashes"]),
        heartbeat=instant(row["heartbeat"]),
        retired=row["retired"],
        task_name=row["task_name"],
        of_code=row["origin"] == Origin.CODE,
        spec=row["spec"],
        mark=utc(row["mark"]),
        next_window=utc(row["next_window"]),
        paused=row["paused"],
        lock_name=row["lock_name"],
        stands_for=tuple(row["stands_for"]),
        displaced_tasks=tuple(row["displaced_tasks"]),
    )


def _stray(row: Row) -> StraySchedule:
    return StraySchedule(
        key=row["schedule_key"],
        task_name=row["task_name"],
        of_code=row["origin"] == Origin.CODE,
        active=row["active"],
        heartbeat=instant(row["heartbeat"]),
        mark=utc(row["mark"]),
        next_window=utc(row["next_window"]),
        waits=row["waits_for_its_run"],
        has_runs_of_another_task=row["has_runs_of_another_task"],
    )


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
            queue=row["queue"],
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
        lock_name=row["lock_name"],
    )
