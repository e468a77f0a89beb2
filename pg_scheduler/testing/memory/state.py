"""All tables of the memory driver, and who is told of what happens in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from pg_scheduler.domain.audit import Act, Actor, AuditRecord
from pg_scheduler.domain.epochs import first_epoch
from pg_scheduler.domain.limits import NO_KEY, LaneState
from pg_scheduler.domain.minutes import Tally, Work
from pg_scheduler.domain.model import START_ORDER, AttemptRecord, NewJob
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.limit_store import LimitRecord, PausedQueue, QueueLimits
from pg_scheduler.ports.retention import VacuumDay
from pg_scheduler.ports.signals import Looked, Signal, SignalKind
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.stored_schedule import StoredSchedule

Lane = tuple[str, str]
"""A task and a limit key; of the gate of a queue, `OF_QUEUES` and its name."""


class MemoryState:
    """What the parts of one memory driver share."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Signal | Looked], None]] = []
        self.waiters: list[Callable[[str, JobStatus], None]] = []
        self.clear()

    def clear(self) -> None:
        """Forget every row; who listens goes on listening."""
        self.looked_at = False
        """Whether somebody has claimed jobs, or asked about any."""
        self.jobs: dict[str, StoredJob] = {}
        self.past_epochs: dict[str, int] = {}
        """The epochs that deleted jobs had in the end, by id."""
        self.attempts: dict[tuple[str, int], AttemptRecord] = {}
        self.workers: dict[str, WorkerRecord] = {}
        self.likes: dict[str, str] = {}
        """What each worker claims, by its digest."""
        self.alive_until: dict[str, datetime] = {}
        """When the leases of workers are over, by worker."""
        self.minutes: dict[tuple[datetime, Work], Tally] = {}
        """What workers did, by minute."""
        self.audit: list[AuditRecord] = []
        self.audit_jobs: dict[int, set[str]] = {}
        self.acts: int = 0
        """How many were recorded, whether they are still there or not."""
        """The jobs that an act has changed, by its id."""
        self.schedules: dict[str, StoredSchedule] = {}
        self.locks: set[str] = set()
        self.vacuum_days: dict[date, VacuumDay] = {}
        self.limits: dict[str, LimitRecord] = {}
        self.resumed_at: dict[str, datetime] = {}
        """When tasks that were paused were resumed."""
        self.paused_queues: dict[str, PausedQueue] = {}
        self.queue_resumed_at: dict[str, datetime] = {}
        """When queues that were paused were resumed."""
        self.queue_limits: dict[str, QueueLimits] = {}
        self.lanes: dict[Lane, LaneState] = {}
        """Of each lane that somebody has claimed from, and each queue that has limits."""

    def snapshot(self) -> MemoryState:
        """A copy to try things on: what is done to its jobs is done to no other, and nobody hears of it."""
        twin = MemoryState()
        vars(twin).update(
            {
                name: copy.copy(value)
                for name, value in vars(self).items()
                if name not in ("listeners", "waiters")
            }
        )
        twin.jobs = {job_id: copy.copy(row) for job_id, row in self.jobs.items()}
        twin.schedules = {key: copy.copy(row) for key, row in self.schedules.items()}
        return twin

    def signal(self, kind: SignalKind) -> None:
        """Wake whoever listens."""
        self.tell(Signal(kind))

    def signal_stored(self, rows: Sequence[StoredJob], now: datetime) -> None:
        """Wake whoever takes these jobs: those in lanes apart from the others."""
        in_lanes = [row for row in rows if row.lane is not None]
        for kind, some in (
            (SignalKind.DUE, [row for row in rows if row.lane is None]),
            (SignalKind.LANE, in_lanes),
        ):
            if some:
                queues, tasks = {row.new.queue for row in some}, {row.new.task_name for row in some}
                wait = (min(row.execution_time for row in some) - now).total_seconds()
                self.tell(
                    Signal(
                        kind,
                        min(row.new.job_id for row in some),
                        len(some),
                        max(wait, 0.0),
                        queues.pop() if len(queues) == 1 else None,
                        tasks.pop() if len(tasks) == 1 else None,
                    )
                )

    def tell(self, what: Signal | Looked) -> None:
        """Tell whoever listens."""
        for deliver in list(self.listeners):
            deliver(what)

    def announce_end(self, row: StoredJob) -> None:
        """Tell those who wait for this job, if it has ended."""
        if row.awaited and not row.unfinished:
            for deliver in list(self.waiters):
                deliver(row.new.job_id, row.status)

    def lane_of(self, task_name: str, queue: str, limit_key: str | None) -> str | None:
        """Where a job stands that is stored now; None: in no lane."""
        if limit_key is not None:
            return limit_key
        return NO_KEY if task_name in self.limits or queue in self.queue_limits else None

    def may_claim(self, request: ClaimRequest, row: StoredJob) -> bool:
        """Whether a worker takes this job: it knows its task, and serves its queue, which is not paused."""
        return request.covers(row.new.queue, row.new.task_name) and row.new.queue not in self.paused_queues

    def holder_of(self, dedupe_key: str | None) -> str | None:
        """The id of the unfinished job with this dedupe key."""
        return next(
            (
                row.new.job_id
                for row in self.jobs.values()
                if dedupe_key is not None and row.unfinished and row.new.dedupe_key == dedupe_key
            ),
            None,
        )

    def in_order(self, status: JobStatus) -> list[StoredJob]:
        """Jobs of one state in claim order: rank, execution time, id."""
        return sorted((job for job in self.jobs.values() if job.status is status), key=START_ORDER)

    def store(self, new: NewJob, now: datetime, due: datetime) -> StoredJob:
        """A row for a new job."""
        epoch = first_epoch(self.past_epochs.get(new.job_id))
        row = self.jobs[new.job_id] = StoredJob(new, now, due, epoch=epoch)
        return row

    def forget(self, job_ids: Collection[str]) -> None:
        """Delete jobs with their history."""
        for job_id in job_ids:
            self.past_epochs[job_id] = self.jobs.pop(job_id).epoch
        for key in [key for key in self.attempts if key[0] in job_ids]:
            del self.attempts[key]

    def note_act(
        self,
        by: Actor | None,
        act: Act,
        subject: str,
        affected: int,
        now: datetime,
        job_ids: Collection[str] = (),
        selection: str | None = None,
    ) -> int | None:
        """Write down what somebody did, if he did and it changed something; the id of the record."""
        if by is None or not affected:
            return None
        self.acts += 1
        audit_id = self.acts
        self.audit.append(AuditRecord(audit_id, now, by, str(act), subject, affected, selection))
        self.audit_jobs[audit_id] = set(job_ids)
        return audit_id

    def extend_act(self, audit_id: int, job_ids: Collection[str]) -> None:
        """Write down a further part of what somebody did."""
        place = next(place for place, one in enumerate(self.audit) if one.audit_id == audit_id)
        known = self.audit[place]
        self.audit[place] = replace(known, affected=known.affected + len(job_ids))
        self.audit_jobs[audit_id] |= set(job_ids)

    def note_attempt(
        self,
        job: StoredJob,
        outcome: str,
        now: datetime,
        error_message: str | None,
        traceback: str | None = None,
    ) -> None:
        """Write history for the attempt that the row still shows."""
        self.attempts[job.new.job_id, job.epoch] = AttemptRecord(
            job_id=job.new.job_id,
            epoch=job.epoch,
            attempt=job.attempt_count,
            worker_id=job.worker_id,
            started_at=job.started_at,
            finished_at=now,
            outcome=outcome,
            error_message=error_message,
            traceback=traceback,
        )


def moment_of(now: datetime | None) -> datetime:
    """The instant of a call: the pinned one, or the present."""
    return datetime.now(UTC) if now is None else now
