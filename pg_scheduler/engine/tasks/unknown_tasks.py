"""Reports due jobs that this worker cannot run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.insight import MOST_COUNTED, Insight, Waiting

log: logging.Logger = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between looks."""


class UnknownTasks:
    """Imports what it is allowed to (`try_import`), and warns once about each name that remains unknown. Its
    jobs stay pending: a newer version of the program may know them."""

    def __init__(
        self,
        *,
        insight: Insight,
        clock: Clock,
        registry: TaskRegistry,
        try_import: Callable[[Collection[str]], object] = lambda names: None,
    ) -> None:
        self._insight = insight
        self._clock = clock
        self._registry = registry
        self._try_import = try_import
        self._reported: set[str] = set()

    async def one_round(self) -> None:
        """Look once, then sleep."""
        await self.report()
        await self._clock.sleep(INTERVAL)

    async def report(self) -> list[Waiting]:
        """Due jobs of names that stay unknown; logged the first time a name is seen."""
        waiting = await self._insight.unclaimed(self._registry.known_names(), now=self._clock.pinned())
        if waiting:
            self._try_import([one.task_name for one in waiting])
        waiting = [one for one in waiting if self._registry.resolve(one.task_name) is None]
        for one in waiting:
            if one.task_name not in self._reported:
                self._reported.add(one.task_name)
                log.warning(
                    "task %r is not known to this worker, and %s due jobs wait for it; register its function",
                    one.task_name,
                    f"{one.count} or more" if one.count == MOST_COUNTED else one.count,
                    extra={"task": one.task_name, "count": one.count},
                )
        return waiting
