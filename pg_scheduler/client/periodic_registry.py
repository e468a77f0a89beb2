"""The functions of this process that are decorated with @periodic."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Protocol
from weakref import WeakSet
from zoneinfo import ZoneInfo

from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.domain.errors import InvalidInput, TaskNameConflict
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.registration import name_within_family
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.tasks.definitions import Definition
from pg_scheduler.engine.tasks.same_function import same_function

log: logging.Logger = logging.getLogger(__name__)


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
    definition: Definition = field(repr=False)
    """The ``def`` that made the function."""
    usual_key: str | None = None
    """The digest of function and timing; None where a key was chosen."""
    name_is_chosen: bool = False

    def keyed(self, key: str) -> PeriodicJobConfig:
        """The same under another key."""
        return replace(self, dedup_key=key, request=replace(self.request, key=key))


class Watcher(Protocol):
    """Who runs decorated functions, and wants to know of those that are decorated later."""

    def decorated(self) -> None:
        """One more function is decorated; called from the thread that does it."""
        ...


_registered: dict[str, PeriodicJobConfig] = {}
_watchers: WeakSet[Watcher] = WeakSet()


def registered() -> Mapping[str, PeriodicJobConfig]:
    """All decorated functions of this process by dedup key, in order of decoration."""
    return MappingProxyType(_registered)


def watch(watcher: Watcher) -> None:
    """Tell it, as long as it lives, when functions are decorated."""
    _watchers.add(watcher)


def register(config: PeriodicJobConfig) -> None:
    """Know a function. One that is defined anew (a reload, a notebook cell) replaces its earlier definition,
    and one that a loop or factory makes replaces the one with its name and key; all others stay.

    Raises:
        TaskNameConflict: another function has the chosen job name.
        InvalidInput: another function has the key.
    """
    for key, other in list(_registered.items()):
        if config.definition.replaces(other.definition):
            del _registered[key]
    for other in _registered.values():
        _refuse_chosen_name(config, other)
    config = _with_a_key_of_its_own(config)
    other = _registered.get(config.dedup_key, config)
    if not _one_def(other, config):
        raise InvalidInput(
            "dedup_key",
            f"{config.dedup_key!r} already belongs to {shown_function(other.func)}",
            "Give one of them dedup_key=",
        )
    if not _do_the_same(other.func, config.func):
        log.warning(
            "schedule %r: %s is decorated again with the same name and key, and takes its place; "
            "give each function that a loop or factory makes a job_name or dedup_key of its own",
            config.dedup_key,
            shown_function(config.func),
            extra={"schedule": config.dedup_key},
        )
    _registered[config.dedup_key] = config
    for watcher in list(_watchers):
        watcher.decorated()


def _refuse_chosen_name(config: PeriodicJobConfig, other: PeriodicJobConfig) -> None:
    """A usual name may be that of functions in several modules; one that was chosen means one function."""
    chosen = config.name_is_chosen or other.name_is_chosen
    if chosen and other.job_name == config.job_name and not _one_def(other, config):
        raise TaskNameConflict(
            "job_name",
            f"{config.job_name!r} already names {shown_function(other.func)}",
            "Give one of them job_name=",
        )


def _with_a_key_of_its_own(config: PeriodicJobConfig) -> PeriodicJobConfig:
    """The config; with its name or its ``def`` in its key, if other functions have the same usual key. Those
    get theirs too: who has which key must not depend on the order of decoration."""
    usual = config.usual_key
    alike = [other for other in _registered.values() if usual is not None and other.usual_key == usual]
    if not alike:
        return config
    alike.append(config)
    anew = [one.keyed(_key_among(alike, one)) if one in alike else one for one in _registered.values()]
    _registered.clear()
    _registered.update({one.dedup_key: one for one in anew})
    return config.keyed(_key_among(alike, config))


def _key_among(alike: list[PeriodicJobConfig], config: PeriodicJobConfig) -> str:
    """The key of one of those that have the same usual key: with what tells it from the others."""
    parts = [str(config.usual_key)]
    if any(other.job_name != config.job_name for other in alike):
        parts.append(f"name:{config.job_name}")
    namesakes = [other for other in alike if other.job_name == config.job_name]
    if not all(_one_def(other, config) for other in namesakes):
        parts.append(f"def:{_place_among(namesakes, config)}")
    return parts[0] if len(parts) == 1 else hashlib.sha256(":".join(parts).encode()).hexdigest()[:16]


def _place_among(namesakes: list[PeriodicJobConfig], config: PeriodicJobConfig) -> str:
    """The place of a ``def``, and its number where several of one file have it."""
    mine = config.definition
    lines = {one.definition.line for one in namesakes if one.definition.qualname == mine.qualname}
    return f"{mine.qualname}:{sorted(lines).index(mine.line)}"


def _one_def(one: PeriodicJobConfig, other: PeriodicJobConfig) -> bool:
    """True if one ``def`` made both functions, or there is but one."""
    return one.func is other.func or (
        one.definition.code is not None and one.definition.code is other.definition.code
    )


def _do_the_same(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    # A loop at the top of a module gives its values as defaults.
    defaults = [getattr(func, "__defaults__", None) or () for func in (one, other)]
    return same_function(one, other) and all(map(same_function, *defaults))


def shown_function(func: Callable[..., Any]) -> str:
    """A function for a message."""
    return f"{func.__module__}.{func.__qualname__}"


def task_names(configs: Iterable[PeriodicJobConfig]) -> dict[str, str]:
    """What the jobs of each schedule are called, by its key: by the job name, if that means one function in
    this process. Otherwise the key is added, so that no process runs what belongs to another function."""
    by_name: dict[str, list[PeriodicJobConfig]] = {}
    for config in configs:
        by_name.setdefault(config.job_name, []).append(config)
    return {
        config.dedup_key: name if _one_function(group) else name_within_family(name, config.dedup_key)
        for name, group in by_name.items()
        for config in group
    }


def _one_function(group: list[PeriodicJobConfig]) -> bool:
    return all(config.func is group[0].func for config in group)
