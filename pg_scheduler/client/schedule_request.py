"""Turns a caller's arguments into a schedule that can be stored: all validation, no SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pg_scheduler.client.job_factory import storable_backoff
from pg_scheduler.domain.cron import CronRule, GapRule, OverlapRule, is_hashed, zone_of
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import (
    checked_arguments,
    checked_count,
    checked_duration,
    checked_grace,
    checked_instance,
    checked_member,
)
from pg_scheduler.domain.priority import JobPriority, rank_of
from pg_scheduler.domain.queues import DEFAULT_QUEUE, checked_queue
from pg_scheduler.domain.retry import RetryPolicy, backoff_from_text, backoff_text
from pg_scheduler.domain.schedule import (
    CatchUp,
    Overlap,
    ScheduleSpec,
    default_key,
    plain_key,
    spec_hash,
)
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.domain.windows import EPOCH
from pg_scheduler.engine.tasks.registry import Task, TaskRegistry
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.schedule_store import Contention, NewSchedule, Origin, ScheduleRecord


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """A caller's arguments for one schedule. The fields are those of `Scheduler.add_schedule`."""

    task: Callable[..., Any] | str
    every: timedelta | None = None
    cron: str | None = None
    timezone: str | ZoneInfo | None = None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] | None = field(default_factory=dict)
    key: str | None = None
    priority: JobPriority | int = JobPriority.NORMAL
    max_retries: int = 0
    misfire_grace_time: int | Unset | None = UNSET
    timeout: timedelta | float | None = None
    retry: RetryPolicy | None = None
    use_advisory_lock: bool = False
    lock_contention: Contention | str = Contention.WAIT
    dst_gap: GapRule | None = None
    dst_overlap: OverlapRule | None = None
    jitter: timedelta = timedelta(0)
    catch_up: CatchUp | str = CatchUp.LATEST
    catch_up_limit: int = 100
    overlap: Overlap | str = Overlap.WAIT
    anchor: datetime | None = None
    enabled: bool = True
    queue: str | None = None
    """None: the task's own."""

    def named(self, task: str, key: str) -> ScheduleRequest:
        """This request for a task and key that are known now."""
        return replace(self, task=task, key=key)

    def changed(self, changes: Mapping[str, Any]) -> ScheduleRequest:
        """This request with some fields replaced; a new `every` takes the place of a `cron` and vice versa.

        Raises:
            InvalidInput: a field that does not exist or cannot change.
        """
        changeable = {one.name for one in fields(self)} - {"task", "key", "enabled"}
        for name in changes:
            if name not in changeable:
                raise InvalidInput(name, "cannot be changed", f"One of: {', '.join(sorted(changeable))}")
        cleared: dict[str, Any] = {}
        if "every" in changes and "cron" not in changes:
            cleared = {"cron": None, "timezone": None}
        elif "cron" in changes and "every" not in changes:
            cleared = {"every": None, "anchor": None}
        return replace(self, **{**cleared, **changes})


def schedule_requested(task: Callable[..., Any] | str, settings: Mapping[str, Any]) -> ScheduleRequest:
    """The request that `Scheduler.add_schedule` makes of its keyword arguments.

    Raises:
        InvalidInput: a setting that does not exist.
    """
    rest = {name: value for name, value in settings.items() if name not in ("enabled", "key")}
    enabled = settings.get("enabled", True)
    return ScheduleRequest(task=task, key=settings.get("key"), enabled=enabled).changed(rest)


class ScheduleFactory:
    """Turns requests into schedules, and stored schedules back into requests."""

    def __init__(self, registry: TaskRegistry, codec: Codec, default_grace: Callable[[], int | None]) -> None:
        self._registry = registry
        self._codec = codec
        self._default_grace = default_grace

    def build(self, request: ScheduleRequest, origin: Origin) -> NewSchedule:
        """The schedule to store.

        Raises:
            InvalidInput: something about the request cannot be; the error names it.
        """
        if isinstance(request.task, str):
            task_name = checked_name("task", request.task)
            task = self._registry.resolve(task_name)
        else:
            task = self._registry.register(request.task)
            task_name = task.name
        args, kwargs = checked_arguments(request.args, request.kwargs)
        if task is not None:
            task.check_arguments(args, kwargs)
        task_data = self._codec.encode_arguments(args, kwargs)
        grace = request.misfire_grace_time
        spec = _spec(
            request,
            task_name,
            self._default_grace() if isinstance(grace, Unset) else checked_grace("misfire_grace_time", grace),
        )
        key = (
            checked_name("key", request.key)
            if request.key is not None
            else default_key(_identity(task_name, task_data), spec)
        )
        spec = _hashed_by(key, spec)
        return _with_hash(
            NewSchedule(
                key=key,
                task_name=task_name,
                spec=spec.text(),
                spec_hash="",
                task_data=task_data,
                rank=rank_of(request.priority),
                max_retries=checked_count("max_retries", request.max_retries),
                misfire_grace_seconds=spec.first_start_grace,
                timeout=checked_duration("timeout", request.timeout),
                backoff=backoff_text(storable_backoff(request.retry)),
                exclusive=checked_instance("use_advisory_lock", request.use_advisory_lock, bool),
                contention=checked_member("lock_contention", request.lock_contention, Contention),
                origin=origin,
                paused=not checked_instance("enabled", request.enabled, bool),
                queue=_queue(request, task),
            )
        )

    def request_of(self, record: ScheduleRecord) -> ScheduleRequest:
        """The request that would make a stored schedule."""
        new, spec = record.new, ScheduleSpec.from_text(record.new.spec)
        args, kwargs = self._codec.decode_arguments(new.task_data)
        backoff = backoff_from_text(new.backoff)
        cron = spec.cron
        return ScheduleRequest(
            task=new.task_name,
            every=spec.every,
            cron=cron.expression if cron else None,
            timezone=cron.timezone if cron else None,
            args=args,
            kwargs=kwargs,
            key=new.key,
            priority=new.rank,
            max_retries=new.max_retries,
            misfire_grace_time=spec.grace_seconds,
            timeout=new.timeout,
            retry=None
            if backoff is None
            else RetryPolicy(backoff.base, backoff.factor, backoff.cap, backoff.jitter),
            use_advisory_lock=new.exclusive,
            lock_contention=new.contention,
            dst_gap=cron.dst_gap if cron else None,
            dst_overlap=cron.dst_overlap if cron else None,
            jitter=spec.jitter,
            catch_up=spec.catch_up,
            catch_up_limit=spec.catch_up_limit,
            overlap=spec.overlap,
            anchor=spec.anchor if cron is None else None,
            enabled=not new.paused,
            queue=new.queue,
        )


def _spec(request: ScheduleRequest, task_name: str, grace: int | None) -> ScheduleSpec:
    if request.timezone is not None and request.cron is None:
        raise InvalidInput("timezone", "timezone can only be given with cron")
    if request.anchor is not None and request.cron is not None:
        raise InvalidInput("anchor", "anchor can only be given with every")
    rule = None
    if request.cron is not None:
        zone = zone_of(request.timezone)
        rule = CronRule(request.cron, zone, request.dst_gap, request.dst_overlap, task_name)
    return ScheduleSpec(
        every=request.every,
        cron=rule,
        anchor=request.anchor or EPOCH,
        jitter=request.jitter,
        catch_up=checked_member("catch_up", request.catch_up, CatchUp),
        catch_up_limit=request.catch_up_limit,
        overlap=checked_member("overlap", request.overlap, Overlap),
        grace_seconds=grace,
    )


def _queue(request: ScheduleRequest, task: Task | None) -> str:
    if request.queue is not None:
        return checked_queue(request.queue)
    return DEFAULT_QUEUE if task is None else task.defaults.queue


def _identity(task_name: str, task_data: str) -> str:
    """The same request gives the same schedule, so adding it at every start adds it once."""
    return f"{task_name}:{hashlib.sha256(task_data.encode()).hexdigest()[:8]}"


def earlier_key(new: NewSchedule) -> str | None:
    """The default key that this schedule had before its anchor and clock rules were part of it; None if it is
    the same."""
    identity, spec = _identity(new.task_name, new.task_data), ScheduleSpec.from_text(new.spec)
    earlier = plain_key(identity, spec)
    return earlier if new.key == default_key(identity, spec) != earlier else None


def _hashed_by(key: str, spec: ScheduleSpec) -> ScheduleSpec:
    """Each schedule of a task has an ``H`` of its own. Where there is none, the name stays what earlier
    versions stored, or every schedule would be redefined by an upgrade."""
    if spec.cron is None or not is_hashed(spec.cron.expression):
        return spec
    return replace(spec, cron=replace(spec.cron, hash_name=key))


def _with_hash(new: NewSchedule) -> NewSchedule:
    """With the digest of everything that two versions of the code may disagree about."""
    parts = [
        new.task_name,
        new.spec,
        new.task_data,
        str(new.rank),
        str(new.max_retries),
        str(new.timeout),
        str(new.backoff),
        str(new.exclusive),
        str(new.contention),
    ]
    if new.misfire_grace_seconds is not None:  # rows of an earlier version have none
        parts.append(str(new.misfire_grace_seconds))
    if new.queue != DEFAULT_QUEUE:
        parts.append(f"queue:{new.queue}")
    return replace(new, spec_hash=spec_hash(*parts))
