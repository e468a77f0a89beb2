"""The Driver port in plain Python: the readable specification, and a fast fake for unit tests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pg_scheduler.domain.conflict import (
    ConflictResolution,
    Submission,
    answers_in_order,
    refuse_replacing_by_key,
    refuse_taken,
    rows_to_send,
)
from pg_scheduler.domain.errors import (
    InvalidInput,
    InvalidTransition,
    JobNotFound,
)
from pg_scheduler.domain.limits import NO_KEY
from pg_scheduler.domain.lost_lease import lost_lease_message, status_after_lost_lease
from pg_scheduler.domain.model import (
    AttemptRecord,
    ClaimedJob,
    JobRecord,
    Lease,
    NewJob,
    Progress,
    WorkerRecord,
)
from pg_scheduler.domain.settling import (
    LOST,
    ending_of,
    first_verdicts,
    settles,
)
from pg_scheduler.domain.states import OVERRIDES, JobEvent, JobStatus, target_of, transition
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.driver import (
    CancelAnswer,
    ClaimAnswer,
    ClaimRequest,
    QueueSize,
    ReclaimAnswer,
    Reclaimed,
    ReclaimRequest,
    RenewAnswer,
    RenewRequest,
    SchemaStatus,
    SignalKind,
    Waiting,
)
from pg_scheduler.testing.memory_limits import LimitTables, MemoryLimits
from pg_scheduler.testing.memory_schedules import MemorySchedules, ScheduleTables
from pg_scheduler.testing.memory_store import Store, StoredJob
from pg_scheduler.testing.memory_transactions import MemoryCompletions


class MemoryDriver(MemorySchedules, MemoryLimits, MemoryCompletions):
    """Jobs in this process' memory. Share one instance between schedulers that should see each other.

    It answers as the PostgreSQL drivers do (the contract suite and a state machine compare them), but
    nothing survives the process, and jobs are not stored in a transaction of yours. A function that completes
    its job in one uses `transaction()`.
    """

    def __init__(self) -> None:
        MemoryCompletions.__init__(self)
        self._store = Store()
        self._tables = ScheduleTables()
        self._limit_tables = LimitTables()
        self._listeners: list[Callable[[SignalKind], None]] = []
        self._waiters: list[Callable[[str, JobStatus], None]] = []

    # --- the driver itself

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do; the jobs stay for whoever shares this driver."""

    def dedicated(self) -> None:
        """There is no connection to have another of."""

    # --- jobs

    async def submit(
        self,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        *,
        now: datetime | None = None,
        connection: Any = None,
        batch_size: int = 1000,
    ) -> list[Submission]:
        _refuse_connection(connection)
        refuse_replacing_by_key(jobs, conflict)
        moment = _moment(now)
        job_ids = [job.job_id for job in jobs]
        sent = rows_to_send(job_ids, conflict)
        free = self._free_to_store([jobs[position] for position in sent])
        if conflict is ConflictResolution.RAISE:
            refuse_taken([jobs[position] for position in sent if job_ids[position] not in free])
        stored: dict[str, Submission] = {}
        for position in sent:
            job = jobs[position]
            due = job.execution_time if job.delay is None else moment + job.delay
            if job.job_id in free:
                row = self._store.jobs[job.job_id] = StoredJob(job, moment, due)
                stored[job.job_id] = Submission.INSERTED
            elif conflict is ConflictResolution.REPLACE:
                row = self._store.jobs[job.job_id]
                row.redefine(job, due)
                stored[job.job_id] = Submission.REPLACED
            else:
                continue
            row.lane = self._limit_tables.lane_of(job.task_name, job.limit_key)
        if stored:
            self._signal(SignalKind.DUE)
            self._signal(SignalKind.LANE)
        return answers_in_order(job_ids, sent, stored, conflict)

    def _free_to_store(self, jobs: Sequence[NewJob]) -> set[str]:
        """The ids of those that meet neither a stored job of their id nor an unfinished one of their dedupe
        key, nor an earlier one of this call."""
        free: set[str] = set()
        keys: set[str] = set()
        for job in jobs:
            taken = self._store.holder_of(job.dedupe_key) is not None or job.dedupe_key in keys
            if job.job_id not in self._store.jobs and not taken:
                free.add(job.job_id)
                keys |= {job.dedupe_key} - {None}  # type: ignore[arg-type]
        return free

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        moment = _moment(now)
        pending = [row for row in self._store.in_order(JobStatus.PENDING) if row.lane is None]
        due = [
            row for row in pending if row.execution_time <= moment and row.new.task_name in request.task_names
        ][: request.limit]
        late = [row for row in due if row.too_late(moment)]
        for row in late:
            row.expire(moment)
            self._tell_finished(row)
        orphaned_claims = [
            row
            for row in due
            if row not in late and self._limit_tables.lane_of(row.new.task_name, None) is not None
        ]
        for row in orphaned_claims:
            row.lane = NO_KEY
        future = [row.execution_time for row in pending if row.execution_time > moment]
        return ClaimAnswer(
            jobs=tuple(
                row.lease_to(request.worker_id, moment, request.lease)
                for row in due
                if row.status is JobStatus.PENDING and row not in orphaned_claims
            ),
            expired=tuple(sorted(row.new.job_id for row in late)),
            next_due_in=min(future) - moment if future and len(due) < request.limit else None,
            sorted_into_lanes=len(orphaned_claims),
        )

    async def claim_job(
        self, job_id: str, request: ClaimRequest, *, now: datetime | None = None
    ) -> ClaimedJob | None:
        row = self._store.jobs.get(job_id)
        if row is None or row.status is not JobStatus.PENDING:
            return None
        return row.lease_to(request.worker_id, _moment(now), request.lease)

    async def renew(self, request: RenewRequest, *, now: datetime | None = None) -> RenewAnswer:
        moment = _moment(now)
        known = self._store.workers.get(request.worker_id)
        self._store.workers[request.worker_id] = WorkerRecord(
            worker_id=request.worker_id,
            hostname=known.hostname if known else request.hostname,
            pid=known.pid if known else request.pid,
            started_at=known.started_at if known else moment,
            last_seen=moment,
        )
        held = {}
        for lease in request.leases:
            row = self._store.jobs.get(lease.job_id)
            if (
                row is not None
                and row.status is JobStatus.RUNNING
                and row.epoch == lease.epoch
                and row.worker_id == request.worker_id
            ):
                row.lease_until = moment + request.lease
                held[lease] = row.cancel_requested
        return RenewAnswer(
            held=frozenset(held),
            cancel_requested=frozenset(lease for lease, asked in held.items() if asked),
        )

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> list[bool]:
        moment = _moment(now)
        may_count = set(first_verdicts(settlements))
        accepted = [
            position in may_count and self._settle_one(told, moment)
            for position, told in enumerate(settlements)
        ]
        for told, taken in zip(settlements, accepted, strict=True):
            if taken:
                self._tell_finished(self._store.jobs[told.job_id])
            if taken and self._store.jobs[told.job_id].status in not_kept:
                self._store.forget([told.job_id])
        if any(accepted):
            self._signal(SignalKind.DUE)
            self._signal(SignalKind.LANE)
        return accepted

    def _settle_one(self, told: Settlement, moment: datetime) -> bool:
        row = self._store.jobs.get(told.job_id)
        verdict = told.verdict
        if row is None or not settles(
            row.status, row.epoch, row.worker_id, verdict.event, told.epoch, told.worker_id
        ):
            return False
        ending = ending_of(verdict.event)
        row.worker_id = told.worker_id
        if ending.leaves_history or row.superseded:
            self._store.note_attempt(row, ending.outcome, moment, verdict.error_message, verdict.traceback)
        status = ending.targets.of(row.superseded, row.cancel_requested)
        if row.superseded:
            row.become_new(status)
            return True
        row.attempt_count -= ending.gives_back
        kept = row.error_message if ending.keeps_error else None
        row.error_message = kept if verdict.error_message is None else verdict.error_message
        row.result = verdict.result
        if status is not JobStatus.PENDING:
            row.end(status, moment)
            return True
        row.retry_count += ending.counts_retry
        if verdict.delay is not None:
            row.execution_time = moment + verdict.delay
        row.wait_again()
        return True

    async def reclaim_expired(self, request: ReclaimRequest, *, now: datetime | None = None) -> ReclaimAnswer:
        moment = _moment(now)
        for worker in list(self._store.workers.values()):
            if worker.last_seen < moment - request.heartbeat_threshold:
                del self._store.workers[worker.worker_id]
        running = [row for row in self._store.jobs.values() if row.status is JobStatus.RUNNING]
        over = [row for row in running if row.lease_until is not None and row.lease_until < moment]
        over = sorted(over, key=lambda row: row.new.job_id)[: request.limit]
        reclaimed = tuple(self._reclaim_one(row, request.max_crashes, moment) for row in over)
        if any(one.status is JobStatus.PENDING for one in reclaimed):
            self._signal(SignalKind.DUE)
        if reclaimed:
            self._signal(SignalKind.LANE)
        for row in over:
            self._tell_finished(row)
        ends = [row.lease_until for row in running if row not in over and row.lease_until]
        return ReclaimAnswer(
            jobs=reclaimed,
            next_expiry_in=min((end - moment for end in ends if end >= moment), default=None),
        )

    def _reclaim_one(self, row: StoredJob, max_crashes: int, moment: datetime) -> Reclaimed:
        crashes, owner = row.crash_count + 1, row.worker_id
        message = lost_lease_message(owner, crashes, max_crashes)
        status = status_after_lost_lease(row.superseded, row.cancel_requested, crashes, max_crashes)
        self._store.note_attempt(row, LOST, moment, message)
        if row.superseded:
            row.become_new(status)
        else:
            row.crash_count, row.error_message = crashes, message
            if status is JobStatus.PENDING:
                row.wait_again()
            else:
                row.end(status, moment)
        return Reclaimed(row.new.job_id, owner, row.status, row.crash_count)

    async def request_cancel(
        self, job_ids: Sequence[str], *, now: datetime | None = None, connection: Any = None
    ) -> list[CancelAnswer]:
        _refuse_connection(connection)
        moment = _moment(now)
        before = {job_id: self._store.jobs[job_id].status for job_id in job_ids if job_id in self._store.jobs}
        for job_id, status in before.items():
            row = self._store.jobs[job_id]
            if status is JobStatus.PENDING:
                row.end(target_of(status, JobEvent.CANCEL), moment)
                row.cancel_requested = True
                self._tell_finished(row)
            elif status is JobStatus.RUNNING:
                row.cancel_requested, row.superseded = True, False
                self._signal(SignalKind.CANCEL)
        answers = {
            JobStatus.PENDING: CancelAnswer.CANCELLED,
            JobStatus.RUNNING: CancelAnswer.REQUESTED,
        }
        return [
            answers.get(before[job_id], CancelAnswer.FINISHED) if job_id in before else CancelAnswer.UNKNOWN
            for job_id in job_ids
        ]

    async def override_status(
        self, job_id: str, status: JobStatus, *, now: datetime | None = None
    ) -> JobStatus:
        row = self._store.jobs.get(job_id)
        if row is None:
            raise JobNotFound(job_id)
        before, moment = row.status, _moment(now)
        if before is status:
            return before
        event = OVERRIDES.get(status)
        if event is None or transition(before, event) is None:
            raise InvalidTransition(job_id, before, status)
        if event is JobEvent.REOPEN:
            if row.status.finished and self._store.holder_of(row.new.dedupe_key) is not None:
                refuse_taken([row.new])
            started_at = row.started_at
            row.become_new()
            row.started_at, row.execution_time = started_at, moment
            self._signal(SignalKind.DUE)
            self._signal(SignalKind.LANE)
        elif event is JobEvent.CANCEL:
            await self.request_cancel([job_id], now=now)
        else:
            row.end(status, moment)
            row.epoch += 1
            self._tell_finished(row)
            self._signal(SignalKind.LANE)
        return before

    async def forget_worker(self, worker_id: str) -> None:
        self._store.workers.pop(worker_id, None)

    async def note_progress(self, reports: Mapping[Lease, Progress]) -> None:
        for lease, progress in reports.items():
            row = self._store.jobs.get(lease.job_id)
            if row is not None and row.epoch == lease.epoch:
                row.progress = progress

    # --- signals

    def _signal(self, kind: SignalKind) -> None:
        for deliver in list(self._listeners):
            deliver(kind)

    async def listen(self, on_signal: Callable[[SignalKind], None], on_ready: Callable[[], None]) -> None:
        await _listen(self._listeners, on_signal, on_ready)

    async def listen_finished(
        self, on_finished: Callable[[str, JobStatus], None], on_ready: Callable[[], None]
    ) -> None:
        await _listen(self._waiters, on_finished, on_ready)

    async def await_job(self, job_id: str) -> None:
        row = self._store.jobs.get(job_id)
        if row is not None and row.unfinished and not row.awaited:
            row.awaited = True
            self._signal(SignalKind.DUE if row.lane is None else SignalKind.LANE)

    def _tell_finished(self, row: StoredJob) -> None:
        if row.awaited and not row.unfinished:
            for deliver in list(self._waiters):
                deliver(row.new.job_id, row.status)

    # --- insight

    async def job(self, job_id: str, *, connection: Any = None) -> JobRecord | None:
        _refuse_connection(connection)
        row = self._store.jobs.get(job_id)
        return None if row is None else row.record()

    async def jobs(
        self,
        *,
        statuses: Collection[JobStatus] = (),
        task_name: str | None = None,
        worker_id: str | None = None,
        limit: int = 100,
    ) -> list[JobRecord]:
        found = [
            row.record()
            for row in self._store.jobs.values()
            if (not statuses or row.status in statuses)
            and (task_name is None or row.new.task_name == task_name)
            and (worker_id is None or row.worker_id == worker_id)
        ]
        return sorted(found, key=lambda job: (job.execution_time, job.job_id))[:limit]

    async def counts(self) -> dict[JobStatus, int]:
        counts = dict.fromkeys(JobStatus, 0)
        for row in self._store.jobs.values():
            counts[row.status] += 1
        return counts

    async def attempts(self, job_id: str) -> list[AttemptRecord]:
        found = [record for key, record in self._store.attempts.items() if key[0] == job_id]
        return sorted(found, key=lambda record: record.epoch)

    async def unclaimed(self, known_names: Collection[str], *, now: datetime | None = None) -> list[Waiting]:
        moment = _moment(now)
        times: dict[str, list[datetime]] = {}
        for row in self._store.in_order(JobStatus.PENDING):
            if row.execution_time <= moment and row.new.task_name not in known_names:
                times.setdefault(row.new.task_name, []).append(row.execution_time)
        return [Waiting(name, len(due), min(due)) for name, due in sorted(times.items())]

    async def duplicates(self, dedupe_keys: Collection[str], *, connection: Any = None) -> dict[str, str]:
        _refuse_connection(connection)
        holders = {key: self._store.holder_of(key) for key in dedupe_keys}
        return {key: job_id for key, job_id in holders.items() if job_id is not None}

    async def sizes(self) -> list[QueueSize]:
        counts = Counter(
            (row.new.task_name, row.new.rank, row.status)
            for row in self._store.jobs.values()
            if row.unfinished
        )
        return [QueueSize(*what, count) for what, count in sorted(counts.items())]

    async def pending_names(self) -> list[str]:
        return sorted({row.new.task_name for row in self._store.in_order(JobStatus.PENDING)})

    async def workers(self) -> list[WorkerRecord]:
        return [self._store.workers[worker_id] for worker_id in sorted(self._store.workers)]

    # --- schema

    async def install(self) -> None:
        """Nothing to do."""

    async def schema_status(self) -> SchemaStatus:
        return SchemaStatus(schema="memory", version=1, latest=1, missing=())

    async def uninstall(self) -> None:
        self._store, self._tables, self._limit_tables = Store(), ScheduleTables(), LimitTables()


async def _listen(
    listeners: list[Callable[..., None]], on_told: Callable[..., None], on_ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()

    def deliver(*told: Any) -> None:
        # As from a socket: later, and in the listener's own loop.
        if not loop.is_closed():
            loop.call_soon_threadsafe(on_told, *told)

    listeners.append(deliver)
    try:
        on_ready()
        await asyncio.Event().wait()
    finally:
        listeners.remove(deliver)


def _moment(now: datetime | None) -> datetime:
    return datetime.now(UTC) if now is None else now


def _refuse_connection(connection: Any) -> None:
    if connection is not None:
        raise InvalidInput(
            "connection", "the memory driver has no transactions to join", "Leave it out in unit tests"
        )
