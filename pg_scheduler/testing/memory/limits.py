"""Limits and pauses in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pg_scheduler.domain.audit import Act, Actor
from pg_scheduler.domain.limits import NO_KEY, OF_QUEUES, LaneState, TaskLimits
from pg_scheduler.ports.limit_store import LimitRecord, PausedQueue, QueueLimits
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.state import MemoryState, moment_of


class MemoryLimits:
    """`LimitStore` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def set_limits(self, limits: Mapping[str, TaskLimits], *, now: datetime | None = None) -> None:
        for name, limit in limits.items():
            known = self._state.limits.get(name)
            if known is not None and known.by_hand:
                self._state.limits[name] = replace(known, in_code=limit)
                self._sort_into_lanes(task_name=name)
                continue
            if known is not None and known.limits == limit:
                # A job that ran when the limits came may be waiting again, in no lane.
                self._sort_into_lanes(task_name=name)
                continue
            paused = known is not None and known.paused
            self._put_limits(LimitRecord(name, limit, paused, moment_of(now)))

    async def limit_task(
        self, task_name: str, limits: TaskLimits, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        moment = moment_of(now)
        known = self._state.limits.get(task_name) or LimitRecord(task_name, TaskLimits(), False, moment)
        in_code = known.in_code if known.by_hand else known.limits
        if limits.limited:
            wanted = replace(known, limits=limits, by_hand=True, in_code=in_code)
            # A job that ran when the limits came may be waiting again, in no lane.
            self._sort_into_lanes(task_name=task_name)
        else:
            wanted = replace(known, limits=in_code or TaskLimits(), by_hand=False, in_code=None)
        if wanted == known:
            return False
        self._put_limits(replace(wanted, changed_at=moment))
        self._state.note_act(by, Act.LIMIT_TASK, task_name, 1, moment)
        self._state.signal(SignalKind.LANE)
        return True

    def _put_limits(self, record: LimitRecord) -> None:
        if record.paused or record.limits.limited:
            self._state.limits[record.task_name] = record
            self._sort_into_lanes(task_name=record.task_name)
        else:
            self._state.limits.pop(record.task_name, None)

    def _sort_into_lanes(self, *, task_name: str | None = None, queue: str | None = None) -> None:
        """What runs too: it takes its place in the lane."""
        for row in self._state.jobs.values():
            concerned = row.new.task_name == task_name or row.new.queue == queue
            if row.unfinished and concerned and row.lane is None:
                row.lane = NO_KEY

    async def pause_task(
        self, task_name: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        moment = moment_of(now)
        known = self._state.limits.get(task_name)
        if paused == (known is not None and known.paused):
            if paused:
                # A job that ran when the pause came may be waiting again, in no lane.
                self._sort_into_lanes(task_name=task_name)
            return False
        self._put_limits(
            replace(known, paused=paused, changed_at=moment)
            if known is not None
            else LimitRecord(task_name, TaskLimits(), paused, moment)
        )
        if not paused:
            self._state.resumed_at[task_name] = moment
        act = Act.PAUSE_TASK if paused else Act.RESUME_TASK
        self._state.note_act(by, act, task_name, 1, moment)
        self._state.signal(SignalKind.LANE)
        return True

    async def pause_queue(
        self, queue: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        moment = moment_of(now)
        if paused == (queue in self._state.paused_queues):
            return False
        if paused:
            self._state.paused_queues[queue] = PausedQueue(queue, moment)
        else:
            del self._state.paused_queues[queue]
            self._state.queue_resumed_at[queue] = moment
            self._state.signal(SignalKind.LANE)
        self._state.note_act(by, Act.PAUSE_QUEUE if paused else Act.RESUME_QUEUE, queue, 1, moment)
        return True

    async def paused_queues(self) -> list[PausedQueue]:
        return [self._state.paused_queues[name] for name in sorted(self._state.paused_queues)]

    async def limit_queue(
        self, queue: str, limits: TaskLimits, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        moment = moment_of(now)
        known = self._state.queue_limits.get(queue)
        changed = limits != (TaskLimits() if known is None else known.limits)
        if limits.limited:
            # A job that ran when the limits came may be waiting again, in no lane.
            self._sort_into_lanes(queue=queue)
        if not changed:
            return False
        if limits.limited:
            self._state.queue_limits[queue] = QueueLimits(queue, limits, moment)
            self._state.lanes.setdefault((OF_QUEUES, queue), LaneState(moment))
        else:
            del self._state.queue_limits[queue]
        self._state.note_act(by, Act.LIMIT_QUEUE, queue, 1, moment)
        self._state.signal(SignalKind.LANE)
        return True

    async def queue_limits(self) -> list[QueueLimits]:
        return [self._state.queue_limits[name] for name in sorted(self._state.queue_limits)]

    async def list_limits(self) -> list[LimitRecord]:
        return [self._state.limits[name] for name in sorted(self._state.limits)]
