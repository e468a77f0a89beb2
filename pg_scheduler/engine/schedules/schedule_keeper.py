"""No schedule goes silent without a line that names it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from pg_scheduler.domain.astray import Fault, StraySchedule, fault_of
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.schedule_store import MovedRuns, ScheduleStore

log: logging.Logger = logging.getLogger(__name__)

INTERVAL, LEAST = 30.0, 5.0
"""Seconds between looks; and at the least, however often schedules change."""


class ScheduleKeeper:
    """Looks after schedules that would stand still for ever.

    Their tasks are looked up, as those of pending jobs are (`try_import`); runs of a task that was renamed
    move to its new name; schedules whose decorator is gone are retired. What remains is warned of by name,
    once: nobody knows its task, or its mark lies in the future.
    """

    def __init__(
        self,
        *,
        schedules: ScheduleStore,
        clock: Clock,
        registry: TaskRegistry,
        in_code: Callable[[], Collection[str]],
        try_import: Callable[[Collection[str]], object],
        on_retired: Callable[[Sequence[str]], None] = lambda keys: None,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._registry = registry
        self._in_code = in_code
        self._try_import = try_import
        self._on_retired = on_retired
        self._reported: set[tuple[str, Fault]] = set()
        self._looked_up: set[str] = set()
        """Tasks that were not found: other workers' business, most likely."""
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """A schedule may have changed."""
        self._changed.set()

    async def one_round(self) -> None:
        """Wait for a change, or a while; then look."""
        await self._clock.sleep(LEAST)
        await wait_at_most(self._changed, INTERVAL - LEAST, self._clock)
        self._changed.clear()
        await self.keep()

    async def keep(self) -> None:
        """Look once."""
        now = self._clock.pinned()
        answer = await self._schedules.stray_schedules(self._registry.known_names(), now=now)
        if not answer.schedules:
            self._reported.clear()
            return
        in_code = frozenset(self._in_code())
        self._look_up_tasks(answer.schedules)
        known = self._registry.known_names()
        faults = [
            (one, fault)
            for one in answer.schedules
            if (fault := fault_of(one, answer.now, known=one.task_name in known, in_code=one.key in in_code))
        ]
        await self._retire([one for one, fault in faults if fault is Fault.ABANDONED])
        if any(one.has_runs_of_another_task for one in answer.schedules):
            self._tell_of_moved_runs(await self._schedules.move_runs(now=now))
        self._warn([(one, fault) for one, fault in faults if fault is not Fault.ABANDONED])

    def _look_up_tasks(self, found: Collection[StraySchedule]) -> None:
        wanted = {one.task_name for one in found if one.active} - self._registry.known_names()
        new, self._looked_up = wanted - self._looked_up, wanted
        if new:
            self._try_import(sorted(new))

    async def _retire(self, abandoned: Collection[StraySchedule]) -> None:
        if not abandoned:
            return
        tasks = {one.key: one.task_name for one in abandoned}
        retired = await self._schedules.retire_abandoned(sorted(tasks), now=self._clock.pinned())
        if retired:
            self._on_retired(retired)
        for key in retired:
            log.warning(
                "schedule %r: retired, because no program that runs has it in its code (task %r)",
                key,
                tasks[key],
                extra={"schedule": key, "task": tasks[key]},
            )

    def _tell_of_moved_runs(self, moved: Collection[MovedRuns]) -> None:
        for one in moved:
            log.warning(
                "schedule %r: its task was renamed; unfinished runs of %r that go on as %r: %d",
                one.key,
                one.task_before,
                one.task_name,
                one.count,
                extra={"schedule": one.key, "task": one.task_name, "count": one.count},
            )

    def _warn(self, faults: Collection[tuple[StraySchedule, Fault]]) -> None:
        now_wrong = {(one.key, fault) for one, fault in faults}
        for one, fault in faults:
            if (one.key, fault) not in self._reported:
                log.warning(
                    _WARNINGS[fault],
                    one.key,
                    one.task_name,
                    extra={"schedule": one.key, "task": one.task_name},
                )
        self._reported = now_wrong


_WARNINGS = {
    Fault.UNKNOWN_TASK: (
        "schedule %r: its windows wait, because its task %r is not known to this worker, nor to another one; "
        "register its function, or name its module in task_modules"
    ),
    Fault.AHEAD: (
        "schedule %r of task %r: its mark lies in the future, so a clock ran ahead, and it stands still "
        "until then; pause and resume it to go on with the first window after now"
    ),
}
