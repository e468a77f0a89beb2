"""What the memory driver knows of one job."""

from __future__ import annotations

from datetime import datetime

from pg_scheduler.domain.job_facts import (
    HOLDERS_SHOWN,
    MOST_AHEAD,
    GateFacts,
    JobFacts,
    Run,
    WorkerFacts,
)
from pg_scheduler.domain.limits import NO_KEY, NO_LIMITS, OF_QUEUES
from pg_scheduler.domain.model import START_ORDER
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerProfile, WorkerRecord
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import Lane, MemoryState


def facts_about(
    state: MemoryState, row: StoredJob, workers: list[WorkerRecord], moment: datetime
) -> JobFacts:
    """All of it, as of this moment. No transaction holds a row in memory."""
    task = state.limits.get(row.new.task_name)
    queue = state.paused_queues.get(row.new.queue)
    history = [record for key, record in state.attempts.items() if key[0] == row.job_id]
    hands = tuple(_worker_facts(state, row, worker) for worker in workers)
    unknown = not any(worker.alive and worker.knows for worker in hands)
    names = {
        name
        for worker in workers
        if unknown and worker.alive and worker.profile
        for name in worker.profile.task_names
    }
    return JobFacts(
        job=row.record(),
        now=moment,
        last_attempt=max(history, key=lambda record: record.epoch, default=None),
        task_paused_since=task.changed_at if task is not None and task.paused else None,
        queue_paused_since=None if queue is None else queue.since,
        lane=_gate(state, (row.new.task_name, row.lane or NO_KEY)),
        queue=_gate(state, (OF_QUEUES, row.new.queue)),
        workers=hands,
        known_names=tuple(sorted(names)),
        ahead=_ahead(state, row, moment),
        other_run=_other_run(state, row),
        row_is_held=False,
        held_by=None,
    )


def _worker_facts(state: MemoryState, row: StoredJob, worker: WorkerRecord) -> WorkerFacts:
    profile = worker.profile or WorkerProfile()
    running = [one for one in _running(state) if one.worker_id == worker.worker_id]
    says = worker.profile is not None
    return WorkerFacts(
        worker_id=worker.worker_id,
        alive=worker.alive,
        wish=worker.wish,
        state=worker.state,
        knows=not says or row.new.task_name in profile.task_names,
        chosen=profile.chosen is None or row.new.task_name in profile.chosen,
        serves=profile.queues is None or row.new.queue in profile.queues,
        running=len(running),
        capacity=profile.capacity if says else None,
        running_of_queue=sum(one.new.queue == row.new.queue for one in running),
        queue_slots=None if profile.queues is None else profile.queues.get(row.new.queue),
        listening=worker.listening,
        app_version=profile.app_version,
        seen_ago=worker.seen_ago,
    )


def _gate(state: MemoryState, gate: Lane) -> GateFacts:
    if gate[0] == OF_QUEUES:
        limited = state.queue_limits.get(gate[1])
        limits = NO_LIMITS if limited is None else limited.limits
    else:
        known = state.limits.get(gate[0])
        limits = NO_LIMITS if known is None else known.limits
    behind = [] if limits.concurrency is None else [one for one in _running(state) if gate in one.occupies]
    holders = sorted((run_of(one) for one in behind), key=lambda run: (run.since, run.job_id))
    return GateFacts(limits, len(behind), state.lanes.get(gate), tuple(holders[:HOLDERS_SHOWN]))


def _ahead(state: MemoryState, row: StoredJob, moment: datetime) -> int:
    if row.status is not JobStatus.PENDING:
        return 0
    waiting = [
        one
        for one in state.in_order(JobStatus.PENDING)
        if (one.new.queue, one.new.task_name, one.lane) == (row.new.queue, row.new.task_name, row.lane)
    ]
    first = [one for one in waiting if START_ORDER(one) < START_ORDER(row)][:MOST_AHEAD]
    return sum(one.execution_time <= moment for one in first)


def _other_run(state: MemoryState, row: StoredJob) -> Run | None:
    if row.new.exclusive_key is None or row.new.schedule_key is None:
        return None
    others = [
        one
        for one in _running(state)
        if one.new.schedule_key == row.new.schedule_key and one.job_id != row.job_id
    ]
    return run_of(min(others, key=lambda one: one.job_id)) if others else None


def _running(state: MemoryState) -> list[StoredJob]:
    return [one for one in state.jobs.values() if one.status is JobStatus.RUNNING]


def run_of(row: StoredJob) -> Run:
    """A running job."""
    return Run(row.job_id, row.worker_id, row.started_at)
