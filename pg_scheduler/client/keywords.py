"""What public functions take by keyword, where the same keywords are taken in several places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, TypedDict
from zoneinfo import ZoneInfo

from pg_scheduler.client.source import Library, Source
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.cron import GapRule, OverlapRule
from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.queues import Served
from pg_scheduler.domain.retention import VacuumConfig
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.schedule import CatchUp, Overlap
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.middleware import Middleware
from pg_scheduler.ports.observer import EventObserver, Observer
from pg_scheduler.ports.schedule_store import Contention

CatchUpRule: TypeAlias = CatchUp | Literal["none", "latest", "all"]
OverlapOfRuns: TypeAlias = Overlap | Literal["wait", "skip", "allow"]
LockContention: TypeAlias = Contention | Literal["wait", "skip"]


class SchedulerOptions(TypedDict, total=False):
    """The keywords of `Scheduler`, which `connect`, `from_env` and `PgQueuer` take too."""

    max_concurrent_jobs: int
    misfire_grace_time: int | None
    vacuum_config: VacuumConfig | None
    vacuum_enabled: bool
    batch_claim_limit: int
    polling_config: PollingConfig | None
    schema: str | None
    library: Library | None
    retry_policy: RetryPolicy | None
    max_crashes: int
    max_blocked: float
    task_modules: Sequence[str]
    executors: Mapping[str, Executor] | None
    codec: Codec | None
    clock: Clock | None
    observers: Sequence[Observer | EventObserver]
    middleware: Sequence[Middleware]
    periodic_jobs_enabled: bool
    queues: Served | None
    app_version: str | None
    read_dsn: Source | None


class JobSettings(TypedDict, total=False):
    """What a job is like, whatever it calls. See `Scheduler.schedule`."""

    priority: JobPriority | int
    max_retries: int
    job_id: str | None
    misfire_grace_time: int | None
    executor: str | Executor | None
    timeout: timedelta | float | None
    retry: RetryPolicy | None
    deduplicate: bool | timedelta
    store_result: bool
    limit_key: str | None
    headers: Mapping[str, Any] | None
    queue: str


class CalledJobSettings(JobSettings, total=False):
    """The same with the call's arguments."""

    args: Sequence[Any]
    kwargs: Mapping[str, Any] | None
    delay: timedelta | float


class JobOptions(JobSettings, total=False):
    """What a job is like, and how it is stored."""

    conflict_resolution: ConflictResolution
    connection: Any


class CallOptions(JobOptions, total=False):
    """What `Scheduler.using` takes. Neither `delay` nor `at` means now, by the database's clock."""

    delay: timedelta | float
    """How long after now, by the database's clock; timedelta or seconds."""
    at: datetime
    """Aware; the earliest instant at which the job may start."""


class TimedJobOptions(JobOptions, total=False):
    """What `Scheduler.schedule` takes with a call."""

    execution_time: datetime
    delay: timedelta | float


class CalledJobOptions(TimedJobOptions, total=False):
    """What `Scheduler.schedule` takes with a function."""

    args: Sequence[Any]
    kwargs: Mapping[str, Any] | None


class ScheduleChanges(TypedDict, total=False):
    """What `Scheduler.update_schedule` changes. The options mean what those of `@periodic` mean."""

    every: timedelta | None
    cron: str | None
    timezone: str | ZoneInfo | None
    args: Sequence[Any]
    kwargs: Mapping[str, Any] | None
    priority: JobPriority | int
    max_retries: int
    misfire_grace_time: int | None
    timeout: timedelta | float | None
    retry: RetryPolicy | None
    use_advisory_lock: bool
    lock_contention: LockContention
    dst_gap: GapRule | None
    dst_overlap: OverlapRule | None
    jitter: timedelta
    catch_up: CatchUpRule
    catch_up_limit: int
    overlap: OverlapOfRuns
    anchor: datetime | None
    queue: str | None


class ScheduleSettings(ScheduleChanges, total=False):
    """What `Scheduler.add_schedule` takes."""

    key: str | None
    enabled: bool
