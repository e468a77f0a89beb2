"""Keeps the stored limits equal to those in the code, and leaves limited tasks unclaimed until they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.limit_store import LimitStore


class LimitKeeper:
    """Stores the limits of this worker's tasks: all of them once, then those that change. If workers
    disagree, the limits of the one that started last apply.

    `only` narrows what may be claimed at all; None is everything known.
    """

    def __init__(
        self,
        *,
        limits: LimitStore,
        clock: Clock,
        registry: TaskRegistry,
        only: Collection[str] | None,
        on_kept: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._registry = registry
        self._only = None if only is None else frozenset(only)
        self._on_kept = on_kept
        self._kept: dict[str, TaskLimits] | None = None
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """Tasks may have become known, or changed."""
        self._changed.set()

    async def one_round(self) -> None:
        """Wait for a change and store it."""
        await self._changed.wait()
        self._changed.clear()
        try:
            await self.keep()
        except BaseException:
            self._changed.set()
            raise

    async def keep(self) -> None:
        """Store what has changed; nothing is sent if nothing has."""
        known = self._kept
        # At first all: what is stored may be from an earlier version. Then only what can have changed.
        tasks = self._registry if known is None else self._registry.limited()
        wanted = {task.name: task.limits for task in tasks}
        if known is not None:
            wanted |= {
                name: NO_LIMITS
                for name in known.keys() - wanted.keys()
                if known[name].limited and self._registry.resolve(name) is not None
            }
        changed = {
            name: limits
            for name, limits in wanted.items()
            if known is None or known.get(name, NO_LIMITS) != limits
        }
        if changed:
            await self._limits.set_limits(changed, now=self._clock.pinned())
        self._kept = {name: limits for name, limits in wanted.items() if limits.limited}
        if changed:
            self._on_kept()

    def claimable(self) -> frozenset[str]:
        """The names that this worker may claim now. A limited task is claimed by its full name alone, because
        limits are counted by name, and not before its limits are stored."""
        names = self._registry.known_names()
        hidden: set[str] = set()
        for task in self._registry.limited():
            hidden.update(other for other in task.other_names if self._registry.resolve(other) is task)
            if self._kept is None or self._kept.get(task.name) != task.limits:
                hidden.add(task.name)
        if hidden:
            names -= hidden
        return names if self._only is None else names & self._only
