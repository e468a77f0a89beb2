"""The functions of this process that are decorated with @periodic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.domain.errors import InvalidInput, TaskNameConflict
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry


@dataclass(frozen=True)
class PeriodicJobConfig:
    """What a decorated function was told. Its state (paused, next run) lives in the database."""

    func: Callable[..., Any]
    interval: timedelta | None
    cron: str | None
    timezone: ZoneInfo | None
    priority: JobPriority | int
    max_retries: int
    job_name: str
    dedup_key: str
    use_advisory_lock: bool
    enabled: bool
    """Whether a schedule that is new to the database starts out enabled."""
    retry: RetryPolicy | None
    request: ScheduleRequest
    """All of it, as `add_schedule` would be told."""

    def adopt(self, registry: TaskRegistry) -> None:
        """Make the function known under the job name."""
        registry.register(self.func, TaskOptions(name=self.job_name, retry=self.retry))


_registered: dict[str, PeriodicJobConfig] = {}


def registered() -> Mapping[str, PeriodicJobConfig]:
    """All decorated functions of this process by dedup key, in order of decoration."""
    return MappingProxyType(_registered)


def register(config: PeriodicJobConfig) -> None:
    """Know a function; one that is defined anew (a reload, a notebook) replaces its earlier definition."""
    for key, other in list(_registered.items()):
        if _one_definition(other.func, config.func):
            if other.func is not config.func:
                del _registered[key]
        elif other.job_name == config.job_name:
            raise TaskNameConflict(
                "job_name",
                f"{config.job_name!r} already names {other.func.__module__}.{other.func.__qualname__}",
                "Give one of them job_name=",
            )
        elif key == config.dedup_key:
            raise InvalidInput("dedup_key", f"{key!r} already belongs to {other.func.__qualname__}")
    _registered[config.dedup_key] = config


def _one_definition(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
