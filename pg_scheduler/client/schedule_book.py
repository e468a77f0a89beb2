"""The schedules of a scheduler: those in its code, those made at run time, and the operations on both."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from pg_scheduler.client.backfilling import Backfill, windows_to_run
from pg_scheduler.client.decorated_schedules import DecoratedSchedules
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.pause_requests import PauseRequests
from pg_scheduler.client.periodic_registry import PeriodicJobConfig, registered
from pg_scheduler.client.schedule_info import ScheduleInfo, ScheduleStatus, info_of
from pg_scheduler.client.schedule_request import ScheduleFactory, ScheduleRequest, earlier_key
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.inputs import checked_positive, checked_time
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.retry import backoff_from_text
from pg_scheduler.domain.schedule import UNREADABLE, ScheduleSpec, backfill_job_id, manual_job_id
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.succession import same_windows
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.schedule_store import Contention, NewSchedule, Origin, ScheduleRecord


class ScheduleBook:
    """Keeps code and rows together. Schedules are addressed by key."""

    def __init__(
        self,
        client: JobClient,
        registry: TaskRegistry,
        factory: ScheduleFactory,
        *,
        on_adopted: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._driver = client.driver
        self._clock = client.clock
        self._factory = factory
        self._on_adopted = on_adopted
        self._decorated = DecoratedSchedules(registry)
        self._adopted: list[ScheduleRequest] = []
        self._enabled: dict[str, bool] = {}
        """As last seen in the database."""
        self._pauses = PauseRequests(self._store_paused, client.clock)

    # --- what the code says

    def adopt_decorated(self) -> None:
        """Know every function of this process that is decorated with @periodic."""
        self._decorated.adopt()

    def adopt_decorated_late(self) -> None:
        """The same while the scheduler runs: what is new is stored at once."""
        self._decorated.adopt(late=True)
        self._on_adopted()

    def adopt(self, request: ScheduleRequest) -> None:
        """Know one more schedule that the code has.

        Raises:
            InvalidInput: something about the request cannot be.
        """
        self._factory.build(request, Origin.CODE)
        self._adopted.append(request)
        self._on_adopted()

    def configs(self) -> dict[str, PeriodicJobConfig]:
        """The decorated functions by dedup key."""
        return dict(registered())

    def wanted(self) -> list[NewSchedule]:
        """What should be stored for the schedules of the code."""
        requests = [*self._decorated.requests(), *self._adopted]
        return [self._factory.build(request, Origin.CODE) for request in requests]

    # --- made at run time

    def built(self, request: ScheduleRequest) -> NewSchedule:
        """What `add` would store for a request whose key is new.

        Raises:
            InvalidInput: something about the request cannot be.
        """
        return self._factory.build(request, Origin.API)

    async def add(self, request: ScheduleRequest, connection: Any = None) -> str:
        """Store a schedule; its key. The same request again changes nothing."""
        new = self._factory.build(request, Origin.API)
        await self._client.open_for(connection)
        keys = [new.key, *filter(None, [earlier_key(new)])]
        for record in await self._driver.schedules.list_schedules(keys, connection=connection):
            if record.new.key == new.key:
                _refuse_if_of_code(record)
            elif same_windows(record.new.spec, new.spec):
                new = replace(new, key=record.new.key)  # added by an earlier version: not a second one
        await self._put(new, connection=connection)
        return new.key

    async def update(self, key: str, changes: Mapping[str, Any], *, by: Actor | None = None) -> None:
        """Give a stored schedule new settings; the others stay."""
        record = await self.record(key)
        _refuse_if_of_code(record)
        readable_spec(record)
        request = self._factory.request_of(record).changed(changes)
        new = self._factory.build(request, record.new.origin)
        await self._put(new, by)

    async def _put(self, new: NewSchedule, by: Actor | None = None, connection: Any = None) -> None:
        await self._driver.schedules.put_schedule(new, now=self._clock.pinned(), by=by, connection=connection)
        self._client.wakeups.schedules_changed()

    async def remove(self, key: str, *, by: Actor | None = None) -> bool:
        """Forget a schedule; jobs it made stay. What somebody does by hand (`by`), here and below, is written
        down with it."""
        await self._client.open()
        return await self._driver.schedules.remove_schedule(key, now=self._clock.pinned(), by=by)

    # --- read and change

    async def record(self, key: str) -> ScheduleRecord:
        """The stored schedule.

        Raises:
            InvalidInput: there is none.
        """
        await self._client.open()
        found = await self._driver.schedules.list_schedules([key])
        if not found:
            raise InvalidInput("key", f"no schedule {key!r}", "list_schedules() shows what there is")
        return found[0]

    async def infos(self) -> list[ScheduleInfo]:
        """All stored schedules by key."""
        reader = await self._client.open_reader()
        return [info_of(record) for record in await reader.schedules.list_schedules()]

    async def next_runs(self, key: str, count: int) -> list[datetime]:
        """The next windows of a schedule, paused or not: the first that is not decided about, and so on."""
        record = await self.record(key)
        spec = readable_spec(record)
        start = record.next_window or spec.next_after(max(filter(None, (record.mark, self._clock.now()))))
        return list(islice(spec.windows_from(start), checked_positive("count", count)))

    async def set_paused(self, key: str, paused: bool, *, by: Actor | None = None) -> bool:
        """Pause or resume everywhere; False if there is no such schedule."""
        self._pauses.drop(key)  # this comes later, so it counts
        return await self._store_paused(key, paused, by)

    async def _store_paused(self, key: str, paused: bool, by: Actor | None = None) -> bool:
        await self._client.open()
        done = await self._driver.schedules.set_paused(key, paused, now=self._clock.pinned(), by=by)
        if done:
            self._enabled[key] = not paused
            self._client.wakeups.schedules_changed()
        return done

    def set_paused_soon(self, key: str, paused: bool) -> bool:
        """The same from synchronous code: True if this program has the schedule; the change is on its way.

        `changes_done` waits for it. The last call counts. Another thread may call it, while the scheduler's
        event loop runs; without a running loop the change is made at the next start.
        """
        if key not in self.configs():
            return False
        self._pauses.request(key, paused)
        return True

    async def changes_done(self) -> None:
        """Return when changes that synchronous code asked for have been made."""
        await self._pauses.done()

    async def note_records(self, records: Sequence[ScheduleRecord]) -> None:
        """Learn the stored state, and store what synchronous code wants otherwise."""
        for record in records:
            self._enabled[record.new.key] = not record.new.paused
        await self._pauses.store_all()

    async def trigger(self, key: str, *, by: Actor | None = None) -> str | None:
        """Run a schedule's task now, with its arguments, retries and lock; the job's id, or None if there is
        no such schedule."""
        await self._client.open()
        found = await self._driver.schedules.list_schedules([key])
        if not found and self._decorated.knows(key):
            found = await self._driver.schedules.register_schedules(self.wanted(), now=self._clock.pinned())
            found = [record for record in found if record.new.key == key]
        if not found:
            return None
        # By the store's clock: this worker's may be minutes off, and the job would wait for it.
        moment = (await self._driver.schedules.due_schedules((), 0, now=self._clock.pinned())).now
        job = self._manual_job(found[0], moment)
        await self._client.store([job], ConflictResolution.RAISE)
        await self._driver.schedules.note_manual_run(key, job.job_id, now=self._clock.pinned(), by=by)
        return job.job_id

    async def to_backfill(self, key: str, since: datetime, until: datetime) -> Backfill:
        """What `backfill` would make.

        Raises:
            InvalidInput: as `backfill`.
        """
        return (await self._to_backfill(key, since, until))[1]

    async def backfill(
        self,
        key: str,
        since: datetime,
        until: datetime,
        *,
        expected: int | None = None,
        by: Actor | None = None,
    ) -> Backfill:
        """Make a job of each window from `since` on and before `until` that has none stored, in one
        transaction. To its function it is due at its window. Windows that the schedule decides about by
        itself are left to it, and no window gets a second job by being backfilled twice.

        Raises:
            InvalidInput: no such schedule, a rule that cannot be read here, an empty range, more than 1,000
                windows, or another number of them than was `expected`.
        """
        record, found = await self._to_backfill(key, since, until)
        if expected is not None and len(found.windows) != expected:
            raise InvalidInput(
                "expected", f"{len(found.windows)} windows have no run now, {expected} had none"
            )
        jobs = [
            replace(self._manual_job(record, window), job_id=backfill_job_id(key, window), fresh_id=False)
            for window in found.windows
        ]
        if jobs:
            await self._client.store(jobs, ConflictResolution.IGNORE)
            last = jobs[-1].job_id
            await self._driver.schedules.note_manual_run(
                key, last, runs=len(jobs), now=self._clock.pinned(), by=by
            )
        return found

    async def _to_backfill(
        self, key: str, since: datetime, until: datetime
    ) -> tuple[ScheduleRecord, Backfill]:
        first, last = checked_time("since", since), checked_time("until", until)
        record = await self.record(key)
        spec = readable_spec(record)
        now = (await self._driver.schedules.due_schedules((), 0, now=self._clock.pinned())).now
        return record, await windows_to_run(self._driver.insight, record, spec, first, last, now)

    def _manual_job(self, record: ScheduleRecord, moment: datetime) -> NewJob:
        new = record.new
        return NewJob(
            job_id=manual_job_id(new.key, secrets.token_bytes(8)),
            fresh_id=True,
            task_name=new.task_name,
            execution_time=moment,
            task_data=new.task_data,
            rank=new.rank,
            queue=new.queue,
            max_retries=new.max_retries,
            timeout=new.timeout,
            backoff=backoff_from_text(new.backoff),
            schedule_key=new.key,
            exclusive_key=record.lock,
            exclusive_wait=new.contention is Contention.WAIT,
        )

    def known_status(self, key: str) -> ScheduleStatus | None:
        """What this program knows of a decorated function's schedule without asking the database."""
        config = self.configs().get(key)
        if config is None:
            return None
        enabled = self._pauses.wanted(key, otherwise=self._enabled.get(key, config.enabled))
        spec = ScheduleSpec.from_text(self._factory.build(config.request, Origin.CODE).spec)
        status: ScheduleStatus = {
            "job_name": config.job_name,
            "enabled": enabled,
            "priority": config.priority,
            "max_retries": config.max_retries,
            "dedup_key": key,
            "use_advisory_lock": config.use_advisory_lock,
            "function_name": config.func.__name__,
            "function_module": config.func.__module__,
            "next_run": spec.next_after(self._clock.now()) if enabled else None,
        }
        if config.interval is not None:
            status["interval"] = config.interval.total_seconds()
        else:
            status["cron"] = config.cron
            status["timezone"] = spec.cron.timezone.key if spec.cron else None
        return status

    async def status(self, key: str) -> ScheduleStatus | None:
        """All that is known of a schedule, read from the database; None if there is none."""
        await self._client.open()
        found = await self._driver.schedules.list_schedules([key])
        if not found:
            return self.known_status(key)
        info = info_of(found[0])
        job = await self._driver.insight.job(info.last_job_id) if info.last_job_id else None
        known = self.known_status(key) or ScheduleStatus(
            job_name=info.task_name,
            priority=found[0].new.rank,
            max_retries=found[0].new.max_retries,
            dedup_key=key,
            use_advisory_lock=found[0].new.exclusive,
            enabled=info.enabled,
            next_run=info.next_run,
        )
        return {
            **known,
            "enabled": info.enabled,
            "next_run": info.next_run,
            "last_run": info.last_run,
            "last_status": _last_status(job.status if job else None),
            "run_count": info.run_count,
            "skipped_count": info.skipped_count,
        }


def readable_spec(record: ScheduleRecord) -> ScheduleSpec:
    """When a stored schedule is due.

    Raises:
        InvalidInput: this program cannot read that.
    """
    try:
        return ScheduleSpec.from_text(record.new.spec)
    except UNREADABLE as error:
        raise InvalidInput(
            "key",
            f"the rule of schedule {record.new.key!r} cannot be read here: {type(error).__name__}: {error}",
            "Install the zone (package tzdata), or add_schedule() under this key with another rule",
        ) from error


def _refuse_if_of_code(record: ScheduleRecord) -> None:
    """What code says is confirmed by every worker, so another word would not last."""
    if record.new.origin is Origin.CODE:
        raise InvalidInput(
            "key",
            f"{record.new.key!r} is a schedule of code",
            "Change its decorator, or remove_schedule() it if no code has it any more",
        )


def _last_status(status: JobStatus | None) -> str | None:
    return None if status is None else str(status)
