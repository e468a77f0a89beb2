"""Claims from the lanes of limited tasks and queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from pg_scheduler.domain.limits import (
    NO_KEY,
    OF_QUEUES,
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
        gates = waiting | _by_queue([row for rows in waiting.values() for row in rows])
        full = {gate for gate in gates if self._is_full(gate)}
        others = self._others()
        chosen, expired, more, outranked = self._choose(waiting, others)
        jobs = tuple(row.lease_to(request.worker_id, moment, request.lease) for row in chosen)
        taken = _by_lane(chosen) | _by_queue(chosen)
        for gate, rows in taken.items():
            if self._is_kept(gate):
                self._state.lanes[gate] = self._after_starts(gate, len(rows))
        self._note({gate: rows for gate, rows in gates.items() if gate not in taken}, full)
        more = more or outranked or len(jobs) >= request.limit or bool(expired)
        next_in = None if more else self._next_in(self._waiting())
        unrivalled = bool(jobs) and request.competing and not others
        return LaneAnswer(jobs, expired, more, next_in, outranked=outranked, unrivalled=unrivalled)

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

    def _others(self) -> list[StoredJob]:
        """What is due outside lanes and takes its place in the common order."""
        return [
            row
            for row in self._state.in_order(JobStatus.PENDING)
            if self._request.competing
            and row.lane is None
            and row.execution_time <= self._moment
            and self._state.may_claim(self._request, row)
        ]

    def _choose(
        self, waiting: Mapping[Lane, list[StoredJob]], others: list[StoredJob]
    ) -> tuple[list[StoredJob], tuple[str, ...], bool, bool]:
        """Which jobs start, which are too late to, whether others come next where a queue had no more room,
        and whether others came first."""
        request, moment = self._request, self._moment
        late: list[StoredJob] = []
        within_lanes: list[StoredJob] = []
        for lane, rows in waiting.items():
            room = min(self._room(lane), request.limit)
            if room <= 0:
                continue
            passing = [row for row in rows if self._room(_queue_of(row)) > 0]
            due = _first_of_each_rank(passing, moment, room + request.limit)
            late += [row for row in due if row.too_late(moment, self._waits_from(row))]
            within_lanes += [row for row in due if row not in late][:room]
        possible = self._within_queues(within_lanes)
        expired = sorted(late, key=lambda row: row.new.job_id)[: request.limit]
        for row in expired:
            row.expire(moment)
            self._state.announce_end(row)
        first = sorted(possible + others, key=START_ORDER)[: request.limit]
        chosen = [row for row in first if row.lane is not None]
        in_their_place = bool(chosen) and any(
            any(other.new.queue != row.new.queue for other in waiting[_lane_of(row)])
            for row in within_lanes
            if row not in possible
        )
        ids = tuple(row.new.job_id for row in expired)
        return chosen, ids, in_their_place, len(chosen) < len(possible)

    def _within_queues(self, rows: list[StoredJob]) -> list[StoredJob]:
        """The first of each queue, as far as its limits go."""
        queues = _by_queue(sorted(rows, key=START_ORDER))
        return [row for gate, behind in queues.items() for row in behind[: self._room(gate)]]

    def _room(self, lane: Lane) -> int:
        limits = self._limits_of(lane)
        room = len(self._state.jobs)
        if limits.concurrency is not None:
            room = min(room, limits.concurrency - self._running(lane))
        if limits.rate is not None:
            left = tokens(limits.rate, self._state.lanes.get(lane), self._moment)
            room = min(room, int(left + TOKEN_ROUNDING))
        return min(room, self._request.limit) if limits.limited else room

    def _is_kept(self, gate: Lane) -> bool:
        """Whether what passes the gate is written down: not that of a queue without limits."""
        return gate[0] != OF_QUEUES or self._limits_of(gate).limited

    def _is_full(self, lane: Lane) -> bool:
        concurrency = self._limits_of(lane).concurrency
        return concurrency is not None and self._running(lane) >= concurrency

    def _waits_from(self, row: StoredJob) -> datetime | None:
        """Since when it could have started, as far as its gates are concerned."""
        lane, queue, state = _lane_of(row), _queue_of(row), self._state
        pauses = {lane: state.resumed_at.get(lane[0]), queue: state.queue_resumed_at.get(queue[1])}
        moments = [
            waits_from(self._limits_of(gate).rate, state.lanes.get(gate), resumed_at, self._moment)
            for gate, resumed_at in pauses.items()
        ]
        return max((moment for moment in moments if moment is not None), default=None)

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
            if self._is_kept(lane) and worth_noting(state, self._moment, full=is_full):
                rate = self._limits_of(lane).rate
                self._state.lanes[lane] = noted(state, rate, self._moment, full=is_full)

    def _next_in(self, waiting: Mapping[Lane, list[StoredJob]]) -> timedelta | None:
        waits, moment = [], self._moment
        for row in (row for rows in waiting.values() for row in rows):
            gates = _lane_of(row), _queue_of(row)
            if any(self._is_full(gate) for gate in gates):
                continue
            rates = {gate: rate for gate in gates if (rate := self._limits_of(gate).rate) is not None}
            if row.execution_time > moment:
                waits.append(row.execution_time - moment)
            elif rates:
                lanes = self._state.lanes
                waits.append(max(until_token(rate, lanes.get(gate), moment) for gate, rate in rates.items()))
        return min(waits, default=None)

    def _running(self, gate: Lane) -> int:
        return sum(gate in row.occupies for row in self._state.jobs.values())

    def _limits_of(self, gate: Lane) -> TaskLimits:
        if gate[0] == OF_QUEUES:
            limited = self._state.queue_limits.get(gate[1])
            return TaskLimits() if limited is None else limited.limits
        known = self._state.limits.get(gate[0])
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
        lanes.setdefault(_lane_of(row), []).append(row)
    return lanes


def _by_queue(rows: list[StoredJob]) -> dict[Lane, list[StoredJob]]:
    queues: dict[Lane, list[StoredJob]] = {}
    for row in rows:
        queues.setdefault(_queue_of(row), []).append(row)
    return queues


def _lane_of(row: StoredJob) -> Lane:
    return row.new.task_name, row.lane or NO_KEY


def _queue_of(row: StoredJob) -> Lane:
    return OF_QUEUES, row.new.queue
