"""Limits, pauses and lanes of the memory driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.limits import (
    NO_KEY,
    TOKEN_ROUNDING,
    TaskLimits,
    refilled_after,
    tokens,
    until_token,
)
from pg_scheduler.domain.model import START_ORDER
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.driver import ClaimRequest, LaneAnswer, SignalKind
from pg_scheduler.ports.limit_store import LimitRecord
from pg_scheduler.testing.memory_store import Store, StoredJob

Lane = tuple[str, str]
"""A task and a limit key."""


@dataclass(slots=True)
class LimitTables:
    """Limits by task, and when the bucket of each lane with a rate is full again."""

    limits: dict[str, LimitRecord] = field(default_factory=dict)
    refilled_at: dict[Lane, datetime] = field(default_factory=dict)

    def lane_of(self, task_name: str, limit_key: str | None) -> str | None:
        """Where a job stands that is stored now; None: in no lane."""
        if limit_key is not None:
            return limit_key
        return NO_KEY if task_name in self.limits else None


class MemoryLimits:
    """`LimitStore`, and claims from lanes."""

    _store: Store
    _limit_tables: LimitTables

    def _signal(self, kind: SignalKind) -> None:
        raise NotImplementedError

    def _tell_finished(self, row: StoredJob) -> None:
        raise NotImplementedError

    async def set_limits(self, limits: Mapping[str, TaskLimits], *, now: datetime | None = None) -> None:
        for name, told in limits.items():
            known = self._limit_tables.limits.get(name)
            if known is not None and known.limits == told:
                # A job that ran when the limits came may be waiting again, in no lane.
                self._sort_into_lanes(name)
                continue
            paused = known is not None and known.paused
            self._put_limits(LimitRecord(name, told, paused, now or datetime.now(UTC)))

    def _put_limits(self, record: LimitRecord) -> None:
        if record.paused or record.limits.limited:
            self._limit_tables.limits[record.task_name] = record
            self._sort_into_lanes(record.task_name)
        else:
            self._limit_tables.limits.pop(record.task_name, None)

    def _sort_into_lanes(self, task_name: str) -> None:
        for row in self._store.in_order(JobStatus.PENDING):
            if row.new.task_name == task_name and row.lane is None:
                row.lane = NO_KEY

    async def pause_task(self, task_name: str, paused: bool, *, now: datetime | None = None) -> bool:
        moment = now or datetime.now(UTC)
        known = self._limit_tables.limits.get(task_name)
        if paused == (known is not None and known.paused):
            if paused:
                # A job that ran when the pause came may be waiting again, in no lane.
                self._sort_into_lanes(task_name)
            return False
        self._put_limits(
            replace(known, paused=paused, changed_at=moment)
            if known is not None
            else LimitRecord(task_name, TaskLimits(), paused, moment)
        )
        self._signal(SignalKind.LANE)
        return True

    async def limits(self) -> list[LimitRecord]:
        return [self._limit_tables.limits[name] for name in sorted(self._limit_tables.limits)]

    async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
        moment = now or datetime.now(UTC)
        waiting = self._waiting(request)
        chosen, expired, more = self._choose(waiting, request, moment)
        jobs = tuple(row.lease_to(request.worker_id, moment, request.lease) for row in chosen)
        for lane, rows in _by_lane(chosen).items():
            rate = self._limits_of(lane).rate
            if rate is not None:
                before = self._limit_tables.refilled_at.get(lane)
                self._limit_tables.refilled_at[lane] = refilled_after(rate, before, moment, len(rows))
        more = more or len(jobs) >= request.limit or bool(expired)
        next_in = None if more else self._next_in(self._waiting(request), moment)
        return LaneAnswer(jobs, expired, more, next_in)

    def _waiting(self, request: ClaimRequest) -> dict[Lane, list[StoredJob]]:
        """What waits in lanes that are not paused, in order."""
        return _by_lane(
            [
                row
                for row in self._store.in_order(JobStatus.PENDING)
                if row.lane is not None
                and row.new.task_name in request.task_names
                and not self._paused(row.new.task_name)
            ]
        )

    def _choose(
        self, waiting: Mapping[Lane, list[StoredJob]], request: ClaimRequest, moment: datetime
    ) -> tuple[list[StoredJob], tuple[str, ...], bool]:
        """Which jobs start, which are too late to, and whether there are more that might."""
        late: list[StoredJob] = []
        possible: list[StoredJob] = []
        for lane, rows in waiting.items():
            room = min(self._room(lane, moment), request.limit)
            if room <= 0:
                continue
            due = _first_of_each_rank(rows, moment, room + request.limit)
            late += [row for row in due if row.too_late(moment)]
            possible += [row for row in due if row not in late][:room]
        expired = sorted(late, key=lambda row: row.new.job_id)[: request.limit]
        for row in expired:
            row.expire(moment)
            self._tell_finished(row)
        others = [
            row
            for row in self._store.in_order(JobStatus.PENDING)
            if row.lane is None and row.execution_time <= moment and row.new.task_name in request.task_names
        ]
        first = sorted(possible + others, key=START_ORDER)[: request.limit]
        chosen = [row for row in first if row.lane is not None]
        return chosen, tuple(row.new.job_id for row in expired), len(chosen) < len(possible)

    def _room(self, lane: Lane, moment: datetime) -> int:
        limits = self._limits_of(lane)
        room = len(self._store.jobs)
        if limits.concurrency is not None:
            room = min(room, limits.concurrency - self._running(lane))
        if limits.rate is not None:
            left = tokens(limits.rate, self._limit_tables.refilled_at.get(lane), moment)
            room = min(room, int(left + TOKEN_ROUNDING))
        return room

    def _next_in(self, waiting: Mapping[Lane, list[StoredJob]], moment: datetime) -> timedelta | None:
        waits = []
        for lane, rows in waiting.items():
            limits = self._limits_of(lane)
            if limits.concurrency is not None and self._running(lane) >= limits.concurrency:
                continue
            waits += [row.execution_time - moment for row in rows if row.execution_time > moment]
            if limits.rate is not None and any(row.execution_time <= moment for row in rows):
                waits.append(until_token(limits.rate, self._limit_tables.refilled_at.get(lane), moment))
        return min(waits, default=None)

    def _running(self, lane: Lane) -> int:
        return sum(
            row.status is JobStatus.RUNNING and (row.new.task_name, row.lane) == lane
            for row in self._store.jobs.values()
        )

    def _limits_of(self, lane: Lane) -> TaskLimits:
        known = self._limit_tables.limits.get(lane[0])
        return TaskLimits() if known is None else known.limits

    def _paused(self, task_name: str) -> bool:
        known = self._limit_tables.limits.get(task_name)
        return known is not None and known.paused


def _first_of_each_rank(rows: list[StoredJob], moment: datetime, number: int) -> list[StoredJob]:
    """The due ones of these rows, so many of each rank at most: what one look at a lane sees."""
    seen: Counter[int] = Counter()
    first: list[StoredJob] = []
    for row in rows:
        if row.execution_time <= moment and seen[row.new.rank] < number:
            seen[row.new.rank] += 1
            first.append(row)
    return first


def _by_lane(rows: list[StoredJob]) -> dict[Lane, list[StoredJob]]:
    lanes: dict[Lane, list[StoredJob]] = {}
    for row in rows:
        lanes.setdefault((row.new.task_name, row.lane or NO_KEY), []).append(row)
    return lanes
