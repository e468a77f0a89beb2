"""Moves windows that were computed with zone data which holds no longer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pg_scheduler.domain.schedule import UNREADABLE, ScheduleSpec
from pg_scheduler.domain.zone_change import present_window
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.schedule_store import Advance, ScheduleRecord, ScheduleStore

log: logging.Logger = logging.getLogger(__name__)

BATCH = 100
"""Schedules looked at without a pause: some hundredths of a second."""
INTERVAL = 45.0
"""Seconds until the worker looks whether it knows tasks that it did not know before."""


class ZoneReview:
    """Looks at each schedule once in the life of a process, whose zone data does not change. The stager would
    notice a window that has become later, but not one that has become earlier. `on_moved` is called when
    windows were moved."""

    def __init__(
        self,
        *,
        schedules: ScheduleStore,
        clock: Clock,
        registry: TaskRegistry,
        on_moved: Callable[[], None],
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._registry = registry
        self._on_moved = on_moved
        self._reviewed: frozenset[str] = frozenset()
        """Tasks whose schedules have been looked at."""

    async def one_round(self) -> None:
        """Review what is new, then rest."""
        await self.review()
        await self._clock.sleep(INTERVAL)

    async def review(self) -> None:
        """Look at the schedules of tasks that were not known before; nothing is asked if there are none."""
        names, after = self._registry.known_names() - self._reviewed, ""
        while names:
            records = await self._schedules.zoned_schedules(sorted(names), after, BATCH)
            await self._move([step for record in records if (step := moved(record))])
            if len(records) < BATCH:
                self._reviewed |= names
                return
            after = records[-1].new.key
            await asyncio.sleep(0)

    async def _move(self, steps: list[Advance]) -> None:
        if not steps:
            return
        for step, done in zip(
            steps,
            await self._schedules.advance_schedules(steps, now=self._clock.pinned()),
            strict=True,
        ):
            if done:
                log.warning(
                    "schedule %r: by the zone data of this worker its next window is %s, not %s",
                    step.key,
                    step.next_window.isoformat(),
                    step.expected_next and step.expected_next.isoformat(),
                    extra={"schedule": step.key},
                )
        self._on_moved()


def moved(record: ScheduleRecord) -> Advance | None:
    """The step that moves a stored window to what it is by the rules of today; None if it is that already."""
    try:
        spec = ScheduleSpec.from_text(record.new.spec)
        if record.next_window is None:
            return None
        present = present_window(spec, record.next_window, record.mark)
    except UNREADABLE:  # the stager tells of it
        return None
    if present == record.next_window:
        return None
    return Advance(
        key=record.new.key,
        spec_hash=record.new.spec_hash,
        expected_next=record.next_window,
        mark=None,
        next_window=present,
        jobs=(),
        skipped=0,
        unless_busy=False,
    )
