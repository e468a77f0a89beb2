"""Claims from the lanes of limited tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from pg_scheduler.domain.limits import (
    NO_KEY,
    TOKEN_ROUNDING,
    LaneState,
    TaskLimits,
    noted,
    refilled_after,
    tokens,
    until_token,
    waits_from,
    worth_noting,
)
from pg_scheduler.domain.model import START_ORDER
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.claims import ClaimRequest, LaneAnswer
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import Lane, MemoryState


class LaneClaim:
    """One claim from the lanes."""

    def __init__(self, state: MemoryState, request: ClaimRequest, moment: datetime) -> None:
        self._state = state
        self._request = request
        self._moment = moment

    def claim(self) -> LaneAnswer:
        """Start what may start, and expire what is too late."""
        request, moment = self._request, self._moment
        waiting = self._waiting()
        full = {lane for lane in waiting if self._is_full(lane)}
        chosen, expired, outranked = self._choose(waiting)
        jobs = tuple(row.lease_to(request.worker_id, moment, request.lease) for row in chosen)
        taken = _by_lane(chosen)
        for lane, rows in taken.items():
            self._state.lanes[lane] = self._after_starts(lane, len(rows))
        self._note({lane: rows for lane, rows in waiting.items() if lane not in taken}, full)
        more = outranked or len(jobs) >= request.limit or bool(expired)
        next_in = None if more else self._next_in(self._waiting())
        return LaneAnswer(jobs, expired, more, next_in, outranked=outranked)

    def _waiting(self) -> dict[Lane, list[StoredJob]]:
        """What waits in lanes that are not paused, in order."""
        return _by_lane(
            [
                row
                for row in self._state.in_order(JobStatus.PENDING)
                if row.lane is not None
                and self._state.may_claim(self._request, row)
                and not self._paused(row.new.task_name)
            ]
        )

    def _choose(
        self, waiting: Mapping[Lane, list[StoredJob]]
    ) -> tuple[list[StoredJob], tuple[str, ...], bool]:
        """Which jobs start, which are too late to, and whether there are more that might."""
        request, moment = self._request, self._moment
        late: list[StoredJob] = []
        possible: list[StoredJob] = []
        for lane, rows in waiting.items():
            room = min(self._room(lane), request.limit)
            if room <= 0:
                continue
            since = self._waits_from(lane)
            due = _first_of_each_rank(rows, moment, room + request.limit)
            late += [row for row in due if row.too_late(moment, self._resumed(row, since))]
            possible += [row for row in due if row not in late][:room]
        expired = sorted(late, key=lambda row: row.new.job_id)[: request.limit]
        for row in expired:
            row.expire(moment)
            self._state.announce_end(row)
        others = [
            row
            for row in self._state.in_order(JobStatus.PENDING)
            if request.competing
            and row.lane is None
            and row.execution_time <= moment
            and self._state.may_claim(request, row)
        ]
        first = sorted(possible + others, key=START_ORDER)[: request.limit]
        chosen = [row for row in first if row.lane is not None]
        return chosen, tuple(row.new.job_id for row in expired), len(chosen) < len(possible)

    def _resumed(self, row: StoredJob, since: datetime | None) -> datetime | None:
        """Since when it could have started, as far as its lane and its queue are concerned."""
        moments = [since, self._state.queue_resumed_at.get(row.new.queue)]
        return max((moment for moment in moments if moment is not None), default=None)

    def _room(self, lane: Lane) -> int:
        limits = self._limits_of(lane)
        room = len(self._state.jobs)
        if limits.concurrency is not None:
            room = min(room, limits.concurrency - self._running(lane))
        if limits.rate is not None:
            left = tokens(limits.rate, self._state.lanes.get(lane), self._moment)
            room = min(room, int(left + TOKEN_ROUNDING))
        return room

    def _is_full(self, lane: Lane) -> bool:
        concurrency = self._limits_of(lane).concurrency
        return concurrency is not None and self._running(lane) >= concurrency

    def _waits_from(self, lane: Lane) -> datetime | None:
        return waits_from(
            self._limits_of(lane).rate,
            self._state.lanes.get(lane),
            self._state.resumed_at.get(lane[0]),
            self._moment,
        )

    def _after_starts(self, lane: Lane, starts: int) -> LaneState:
        rate, before = self._limits_of(lane).rate, self._state.lanes.get(lane)
        refilled_at = None if rate is None else refilled_after(rate, before, self._moment, starts)
        full_at = self._moment if self._is_full(lane) else None if before is None else before.full_at
        return LaneState(self._moment, refilled_at, full_at)

    def _note(self, others: Mapping[Lane, list[StoredJob]], full: set[Lane]) -> None:
        """Write down what the look has seen of lanes that gave nothing."""
        for lane, rows in others.items():
            state = self._state.lanes.get(lane)
            is_full = lane in full and any(row.execution_time <= self._moment for row in rows)
            if worth_noting(state, self._moment, full=is_full):
                rate = self._limits_of(lane).rate
                self._state.lanes[lane] = noted(state, rate, self._moment, full=is_full)

    def _next_in(self, waiting: Mapping[Lane, list[StoredJob]]) -> timedelta | None:
        waits, moment = [], self._moment
        for lane, rows in waiting.items():
            limits = self._limits_of(lane)
            if self._is_full(lane):
                continue
            waits += [row.execution_time - moment for row in rows if row.execution_time > moment]
            if limits.rate is not None and any(row.execution_time <= moment for row in rows):
                waits.append(until_token(limits.rate, self._state.lanes.get(lane), moment))
        return min(waits, default=None)

    def _running(self, lane: Lane) -> int:
        return sum(row.occupies == lane for row in self._state.jobs.values())

    def _limits_of(self, lane: Lane) -> TaskLimits:
        known = self._state.limits.get(lane[0])
        return TaskLimits() if known is None else known.limits

    def _paused(self, task_name: str) -> bool:
        known = self._state.limits.get(task_name)
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
