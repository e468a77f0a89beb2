"""The decorated functions that one scheduler runs, each under a task name of its own."""

from __future__ import annotations

import logging
from dataclasses import replace

from pg_scheduler.client.periodic_registry import PeriodicJobConfig, registered, task_names
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry

log: logging.Logger = logging.getLogger(__name__)


class DecoratedSchedules:
    """Knows the functions of this process that are decorated with @periodic, as of the last `adopt`."""

    def __init__(self, registry: TaskRegistry) -> None:
        self._registry = registry
        self._configs: dict[str, PeriodicJobConfig] = {}
        self._names: dict[str, str] = {}
        """Task names by key."""

    def adopt(self, *, late: bool = False) -> None:
        """Know all that are decorated by now. `late`, while the scheduler runs, one that cannot be registered
        is logged, and keeps no other from running.

        Raises:
            InvalidInput: one of them has the name of another task.
        """
        configs = dict(registered())
        names = task_names(configs.values())
        for name in {*self._names.values()} - {*names.values()}:
            self._registry.discard(name)
        for key, config in list(configs.items()):
            shared = names[key] != config.job_name
            options = TaskOptions(name=names[key], retry=config.retry, aliases=() if shared else None)
            try:
                self._registry.register(config.func, options)
            except InvalidInput:
                if not late:
                    raise
                log.exception("schedule %r cannot be registered", key, extra={"schedule": key})
                del configs[key], names[key]
        self._registry.share(_shared_names(configs, names))
        self._configs, self._names = configs, names

    def knows(self, key: str) -> bool:
        """True if the schedule is that of an adopted function."""
        return key in self._configs

    def requests(self) -> list[ScheduleRequest]:
        """What should be stored for them."""
        return [replace(config.request, task=self._names[key]) for key, config in self._configs.items()]


def _shared_names(configs: dict[str, PeriodicJobConfig], names: dict[str, str]) -> dict[str, dict[str, str]]:
    """The job names that mean several functions; for each, the task names by schedule."""
    shared: dict[str, dict[str, str]] = {}
    for key, config in configs.items():
        if names[key] != config.job_name:
            shared.setdefault(config.job_name, {})[key] = names[key]
    return shared
