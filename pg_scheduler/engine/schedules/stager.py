"""Turns due windows into jobs, each exactly once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from pg_scheduler.domain.catch_up import AdvancePlan, plan_advance
from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.domain.schedule import UNREADABLE, Overlap, ScheduleSpec, window_job_id
from pg_scheduler.domain.zone_change import present_window
from pg_scheduler.engine.schedules.zone_review import moved
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.schedule_store import Advance, DueAnswer, ScheduleRecord, ScheduleStore, WindowJob
from pg_scheduler.ports.worker_events import StagedSchedule, WindowsStaged

log: logging.Logger = logging.getLogger(__name__)

BATCH = 200
"""Schedules looked at in one round."""
UNHEARD = 5.0
"""Seconds between looks at the most while signals do not arrive."""
PASSED_OVER = 0.5
"""Seconds until the next look, if no step counted: somebody was quicker, or still holds the schedules. After
a look that finds nothing the worker rests as if it had not been there, so that of a large fleet few compete
for each window."""
READ_AGAIN = 60.0
"""Seconds until a schedule that could not be read is tried again: a zone database may be installed while this
worker runs."""

_spec_of = lru_cache(maxsize=4096)(ScheduleSpec.from_text)


class Stager:
    """Runs when the next window is due, when a schedule changes, and at intervals.

    Any number of workers may do this at once: only the first one succeeds with a step (see
    `ScheduleStore.advance_schedules`), so it does not matter which worker stages, and one that dies leaves
    nothing half done.
    """

    def __init__(
        self,
        *,
        schedules: ScheduleStore,
        clock: Clock,
        polling: PollingConfig,
        registry: TaskRegistry,
        listening: Callable[[], bool],
        on_staged: Callable[[], None],
        on_windows: Callable[[WindowsStaged], None] = lambda event: None,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._polling = polling
        self._registry = registry
        self._listening = listening
        self._on_staged = on_staged
        self._on_windows = on_windows
        self._woken = asyncio.Event()
        self._unreadable: dict[tuple[str, str], float] = {}
        """Until when a definition (key, hash) is not looked at."""
        self._reported: set[tuple[str, str]] = set()
        self._passed_over = False

    def wake(self) -> None:
        """A schedule may have changed, or its run may have finished."""
        self._woken.set()

    async def one_round(self) -> None:
        """Stage what is due, then wait for a reason to look again."""
        self._woken.clear()
        staged, next_window_in = await self.stage_once()
        while self._passed_over and not staged:
            await wait_at_most(self._woken, PASSED_OVER, self._clock)
            self._woken.clear()
            next_window_in = next_window_in and next_window_in - timedelta(seconds=PASSED_OVER)
            staged, _ = await self.stage_once()
        if not staged:
            await self._idle(next_window_in)

    async def stage_once(self) -> tuple[int, timedelta | None]:
        """Take one step for each schedule that needs one; how many steps counted, and when the next window
        is due."""
        names = sorted(self._registry.known_names())
        if not names:
            return 0, None
        answer = await self._due(names)
        steps = []
        for record in answer.schedules:
            if step := self._step_if_readable(record, answer.now):
                steps.append(step)
            # After a long downtime a step takes some milliseconds, which others need too.
            await asyncio.sleep(0)
        taken = await self._schedules.advance_schedules(steps, now=self._clock.pinned()) if steps else []
        if any(taken):
            self._on_staged()
            self._tell([step for step, counted in zip(steps, taken, strict=True) if counted])
        self._passed_over = not all(taken)
        return sum(taken), answer.next_window_in

    def _tell(self, steps: Sequence[Advance]) -> None:
        staged = [
            StagedSchedule(step.key, tuple(job.job_id for job in step.jobs), step.skipped)
            for step in steps
            if step.jobs or step.skipped
        ]
        if staged:
            self._on_windows(WindowsStaged(staged))

    async def _due(self, names: Sequence[str]) -> DueAnswer:
        """What is due and can be read: a whole batch that cannot is no reason to stop there."""
        while True:
            unreadable = self._unreadable_now()
            answer = await self._schedules.due_schedules(
                names, BATCH, except_for=unreadable, now=self._clock.pinned()
            )
            readable = [record for record in answer.schedules if self._can_read(record)]
            if len(readable) == len(answer.schedules) or len(answer.schedules) < BATCH:
                return replace(answer, schedules=tuple(readable))

    def _unreadable_now(self) -> list[tuple[str, str]]:
        now = self._clock.monotonic()
        self._unreadable = {one: until for one, until in self._unreadable.items() if until > now}
        return list(self._unreadable)

    def _can_read(self, record: ScheduleRecord) -> bool:
        """False, with an error logged once, for what newer code or a newer zone database has written: it must
        not keep the schedules that this worker can read from their windows."""
        key, definition = record.new.key, (record.new.key, record.new.spec_hash)
        try:
            _spec_of(record.new.spec)
        except UNREADABLE as error:
            self._unreadable[definition] = self._clock.monotonic() + READ_AGAIN
            if definition not in self._reported:
                self._reported.add(definition)
                log.error(
                    "schedule %r cannot be read by this worker, so its windows wait: %s: %s",
                    key,
                    type(error).__name__,
                    error,
                    extra={"schedule": key, "error": str(error)},
                )
            return False
        self._reported.discard(definition)
        return True

    def _step_if_readable(self, record: ScheduleRecord, now: datetime) -> Advance | None:
        """None, with an error logged, for a rule that comes to an end: it must not keep the other schedules
        from their windows."""
        try:
            step = step_for(record, _spec_of(record.new.spec), now, random.random())
        except UNREADABLE:
            key = record.new.key
            log.exception("schedule %r has no further window", key, extra={"schedule": key})
            self._unreadable[key, record.new.spec_hash] = self._clock.monotonic() + READ_AGAIN
            return None
        if step is not None and step.skipped:
            key, skipped = record.new.key, step.skipped
            log.warning(
                "schedule %r: windows skipped: %d", key, skipped, extra={"schedule": key, "windows": skipped}
            )
        return step

    async def _idle(self, next_window_in: timedelta | None) -> None:
        interval = self._polling.interval if self._listening() else UNHEARD
        if next_window_in is not None:
            interval = min(interval, next_window_in.total_seconds())
        # Never in a spin: a step that somebody else has just taken looks due for a moment more.
        await wait_at_most(self._woken, max(interval, 0.001), self._clock)


def step_for(record: ScheduleRecord, spec: ScheduleSpec, now: datetime, randomness: float) -> Advance | None:
    """The step that a schedule needs at `now`, or None. `randomness` in [0, 1) places runs in the jitter."""
    if record.next_window is None:
        # New, changed or resumed: it goes on with the first window after now that it has not run.
        start = now if record.mark is None else max(now, record.mark)
        return _step(record, spec, None, spec.next_after(start), (), 0)
    # Computed when other zone data held, it may be too early or too late by now.
    next_window = present_window(spec, record.next_window, record.mark)
    plan = plan_advance(spec, next_window, now, record.busy)
    if plan is None:
        return moved(record)
    jobs = _window_jobs(record.new.key, spec, plan, now, randomness)
    return _step(record, spec, plan.mark, plan.next_window, jobs, plan.skipped)


def _step(
    record: ScheduleRecord,
    spec: ScheduleSpec,
    mark: datetime | None,
    next_window: datetime,
    jobs: tuple[WindowJob, ...],
    skipped: int,
) -> Advance:
    return Advance(
        key=record.new.key,
        spec_hash=record.new.spec_hash,
        expected_next=record.next_window,
        mark=mark,
        next_window=next_window,
        jobs=jobs,
        skipped=skipped,
        unless_busy=bool(jobs) and spec.overlap is not Overlap.ALLOW,
    )


def _window_jobs(
    key: str, spec: ScheduleSpec, plan: AdvancePlan, now: datetime, randomness: float
) -> tuple[WindowJob, ...]:
    grace = timedelta(seconds=max(spec.grace_seconds or 0, 1))
    # Windows that are caught up are due now: they were late before they were jobs. If one of them is, so are
    # those after it, or the latest would start before the older ones.
    late = bool(plan.windows) and now - plan.windows[0] > grace
    return tuple(
        WindowJob(
            job_id=window_job_id(key, window),
            window=window,
            execution_time=(now if late else window) + spec.jitter * randomness,
        )
        for window in plan.windows
    )
