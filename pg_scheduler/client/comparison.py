"""What a deploy of this code would meet and change: the application compared with the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pg_scheduler.domain.cron_pitfalls import pitfalls_of
from pg_scheduler.domain.errors import InvalidInput, SchemaError
from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.schedule import UNREADABLE, RuleText, ScheduleSpec
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import NewSchedule, Origin, ScheduleRecord
from pg_scheduler.ports.schema import SchemaStatus

SAMPLE = 1_000
"""So many waiting jobs of each task are looked at for arguments that do not fit any more."""


@dataclass(frozen=True, slots=True)
class Stranded:
    """Waiting jobs that this code could not run."""

    task_name: str
    count: int
    """As far as counting is worth it, see `Depths`; of arguments that do not fit, those of the sample."""
    oldest: datetime | None
    """When the first of them is due."""
    why: str
    job_id: str | None = None
    """One of them."""


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A schedule that would be another one than now."""

    key: str
    change: str
    """``added``, ``changed``, ``retired``; ``never``: what the code says is never due; ``unknown``: this code
    does not know its task, so its windows would wait."""
    task_name: str
    next_before: datetime | None = None
    next_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScheduleNote:
    """A schedule whose expression may mean something else than it looks."""

    key: str
    text: str
    """What it means."""


@dataclass(frozen=True, slots=True)
class LimitChange:
    """The limits of a task that would be others than now."""

    task_name: str
    before: TaskLimits
    after: TaskLimits


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it."""

    schema: SchemaStatus
    readable: bool
    """False if the tables are too old for this code to ask them anything: then nothing but that is known."""
    stranded: tuple[Stranded, ...] = ()
    schedules: tuple[ScheduleChange, ...] = ()
    limits: tuple[LimitChange, ...] = ()
    notes: tuple[ScheduleNote, ...] = ()


async def compare(
    driver: Driver,
    registry: TaskRegistry,
    codec: Codec,
    wanted: Sequence[NewSchedule],
    now: datetime | None,
    *,
    elsewhere: bool = False,
) -> Comparison:
    """Compare, and write nothing. `elsewhere`: jobs of names that this code does not know are of others."""
    schema = await driver.schema.status()
    try:
        facts = await driver.insight.cluster_facts(now=now)
        stranded = [] if elsewhere else await _unknown(driver, registry, now)
        stranded += [one async for one in _unfit(driver, registry, codec)]
        records = await driver.schedules.list_schedules()
        limits = {
            one.task_name: one.in_code or NO_LIMITS if one.by_hand else one.limits
            for one in await driver.limits.list_limits()
        }
    except SchemaError:
        return Comparison(schema, readable=False)
    return Comparison(
        schema,
        readable=True,
        stranded=tuple(stranded),
        schedules=tuple(_schedules(wanted, records, facts.now, registry, elsewhere)),
        limits=tuple(_limits(registry, limits)),
        notes=tuple(_notes(wanted)),
    )


async def _unknown(driver: Driver, registry: TaskRegistry, now: datetime | None) -> list[Stranded]:
    known = registry.known_names()
    waiting: dict[str, int] = {}
    for one in (await driver.insight.depths(now=now)).tasks:
        if one.task_name not in known and one.due + one.scheduled:
            waiting[one.task_name] = waiting.get(one.task_name, 0) + one.due + one.scheduled
    found = []
    for name, count in sorted(waiting.items()):
        first = await driver.insight.jobs(statuses=[JobStatus.PENDING], task_name=name, limit=1)
        oldest = first[0].execution_time if first else None
        found.append(Stranded(name, count, oldest, "unknown task", first[0].job_id if first else None))
    return found


async def _unfit(driver: Driver, registry: TaskRegistry, codec: Codec) -> AsyncIterator[Stranded]:
    for name in await driver.insight.pending_names():
        task = registry.resolve(name)
        if task is None:
            continue
        bad: list[JobRecord] = []
        why = ""
        for job in await driver.insight.jobs(statuses=[JobStatus.PENDING], task_name=name, limit=SAMPLE):
            if job.payload is not None:
                continue
            try:
                task.check_arguments(*codec.decode_arguments(job.task_data))
            except (InvalidInput, ValueError) as error:
                bad.append(job)
                why = why or str(error)
        if bad:
            yield Stranded(name, len(bad), bad[0].execution_time, why, bad[0].job_id)


def _schedules(
    wanted: Sequence[NewSchedule],
    stored: Sequence[ScheduleRecord],
    now: datetime,
    registry: TaskRegistry,
    elsewhere: bool,
) -> Iterator[ScheduleChange]:
    by_key: Mapping[str, ScheduleRecord] = {one.new.key: one for one in stored if not one.retired}
    for new in wanted:
        before = by_key.get(new.key)
        after = _next(new.spec, now)
        next_before = None if before is None else before.next_window
        if after is None:
            yield ScheduleChange(new.key, "never", new.task_name, next_before)
        elif before is None:
            yield ScheduleChange(new.key, "added", new.task_name, None, after)
        elif before.new.spec_hash != new.spec_hash:
            yield ScheduleChange(new.key, "changed", new.task_name, next_before, after)
    keys = {new.key for new in wanted}
    for key, record in by_key.items():
        known = registry.resolve(record.new.task_name, key) is not None
        if not known and not elsewhere:
            yield ScheduleChange(key, "unknown", record.new.task_name, record.next_window)
        elif known and record.new.origin is Origin.CODE and key not in keys:
            yield ScheduleChange(key, "retired", record.new.task_name, record.next_window)


def _notes(wanted: Sequence[NewSchedule]) -> Iterator[ScheduleNote]:
    for new in wanted:
        cron = RuleText.of(new.spec).cron
        if cron is not None:
            yield from (ScheduleNote(new.key, text) for text in pitfalls_of(cron))


def _next(spec: str, now: datetime) -> datetime | None:
    try:
        return ScheduleSpec.from_text(spec).next_after(now)
    except UNREADABLE:
        return None


def _limits(registry: TaskRegistry, stored: Mapping[str, TaskLimits]) -> Iterator[LimitChange]:
    for task in registry:
        before = stored.get(task.name, NO_LIMITS)
        if task.limits != before:
            yield LimitChange(task.name, before, task.limits)
