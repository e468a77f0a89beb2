"""What the memory driver knows of its workers, jobs and schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pg_scheduler.domain.cluster_facts import (
    FAILING_NAMED,
    LATELY,
    SCHEDULES_NAMED,
    ClusterFacts,
    DueJobs,
    FailedLately,
    FullGate,
    LateSchedule,
    RetiredSchedule,
)
from pg_scheduler.domain.depths import Depths, TaskDepth
from pg_scheduler.domain.limits import FULL_LANE_PATIENCE, NO_KEY, OF_QUEUES
from pg_scheduler.domain.minutes import Tally
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import Lane, MemoryState
from pg_scheduler.testing.memory.stored_schedule import StoredSchedule


def cluster_facts(state: MemoryState, workers: Sequence[WorkerRecord], moment: datetime) -> ClusterFacts:
    """All of it, as of this moment."""
    due = [row for row in state.in_order(JobStatus.PENDING) if row.execution_time <= moment]
    expired = [
        row.lease_until
        for row in state.jobs.values()
        if row.status is JobStatus.RUNNING and row.lease_until is not None and row.lease_until < moment
    ]
    return ClusterFacts(
        now=moment,
        workers=tuple(workers),
        due=_due(due),
        full=_full(state, due, moment),
        failing=_failing(state, moment),
        lost=len(expired),
        lost_since=min(expired, default=None),
        late=_late(state, moment),
        retired=_retired(state),
        paused_tasks={name: one.changed_at for name, one in state.limits.items() if one.paused},
        paused_queues={name: one.since for name, one in state.paused_queues.items()},
    )


def depths(state: MemoryState, moment: datetime) -> Depths:
    """How many jobs wait and run."""
    counts: Counter[tuple[str, str, str]] = Counter()
    lanes: dict[str, set[str]] = {}
    for row in state.jobs.values():
        if row.unfinished:
            due = "due" if row.execution_time <= moment else "scheduled"
            state_of = "running" if row.status is JobStatus.RUNNING else due
            counts[row.new.queue, row.new.task_name, state_of] += 1
        if row.status is JobStatus.RUNNING and row.lane is not None:
            lanes.setdefault(row.new.task_name, set()).add(row.lane)
    return Depths(
        tuple(
            TaskDepth(
                queue,
                name,
                counts[queue, name, "due"],
                counts[queue, name, "scheduled"],
                counts[queue, name, "running"],
            )
            for queue, name in sorted({(queue, name) for queue, name, _ in counts})
        ),
        {name: len(used) for name, used in lanes.items()},
    )


def _due(due: Sequence[StoredJob]) -> tuple[DueJobs, ...]:
    oldest: dict[tuple[str, str], datetime] = {}
    for row in due:
        of = row.new.queue, row.new.task_name
        oldest[of] = min(oldest.get(of, row.execution_time), row.execution_time)
    return tuple(DueJobs(*of, first) for of, first in sorted(oldest.items()))


def _full(state: MemoryState, due: Sequence[StoredJob], moment: datetime) -> tuple[FullGate, ...]:
    oldest: dict[Lane, datetime] = {}
    for row in due:
        if row.lane is None:
            continue
        for gate in ((row.new.task_name, row.lane or NO_KEY), (OF_QUEUES, row.new.queue)):
            seen = state.lanes.get(gate)
            if seen is not None and seen.full_at is not None and seen.full_at > moment - FULL_LANE_PATIENCE:
                oldest[gate] = min(oldest.get(gate, row.execution_time), row.execution_time)
    return tuple(FullGate(*gate, first) for gate, first in sorted(oldest.items()))


def _failing(state: MemoryState, moment: datetime) -> tuple[FailedLately, ...]:
    sums: dict[str, Tally] = {}
    for (minute, (_, task_name)), tally in state.minutes.items():
        if minute >= moment - LATELY and task_name:
            sums.setdefault(task_name, Tally()).add(tally)
    found = [
        FailedLately(name, one.failed + one.retried, one.completed)
        for name, one in sums.items()
        if one.failed + one.retried
    ]
    return tuple(sorted(found, key=lambda one: (-one.failed, one.task_name))[:FAILING_NAMED])


def _late(state: MemoryState, moment: datetime) -> tuple[LateSchedule, ...]:
    late = [
        one
        for one in state.schedules.values()
        if one.active
        and (one.next_window is None or one.next_window <= moment)
        and not (one.waits and _is_busy(state, one))
    ]
    return tuple(
        LateSchedule(one.new.key, one.new.task_name, one.new.spec, one.next_window)
        for one in sorted(late, key=lambda one: one.new.key)[:SCHEDULES_NAMED]
    )


def _is_busy(state: MemoryState, schedule: StoredSchedule) -> bool:
    return any(row.unfinished and row.new.schedule_key in schedule.keys for row in state.jobs.values())


def _retired(state: MemoryState) -> tuple[RetiredSchedule, ...]:
    retired = [one for one in state.schedules.values() if one.retired]
    retired.sort(key=lambda one: (-one.heartbeat.timestamp(), one.new.key))
    return tuple(
        RetiredSchedule(one.new.key, one.new.task_name, one.heartbeat) for one in retired[:SCHEDULES_NAMED]
    )
