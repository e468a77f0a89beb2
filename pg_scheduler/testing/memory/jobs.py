"""The life of jobs in memory: the readable specification of `JobStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pg_scheduler.domain.audit import Act, Actor, act_of, subject_of
from pg_scheduler.domain.conflict import (
    ConflictResolution,
    Submission,
    answers_in_order,
    refuse_replacing_by_key,
    refuse_taken,
    rows_to_send,
)
from pg_scheduler.domain.errors import (
    InvalidTransition,
    JobNotFound,
)
from pg_scheduler.domain.limits import NO_KEY
from pg_scheduler.domain.model import (
    ClaimedJob,
    Lease,
    NewJob,
    Progress,
)
from pg_scheduler.domain.settling import (
    first_verdicts,
)
from pg_scheduler.domain.states import OVERRIDES, JobEvent, JobStatus, target_of, transition
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest, LaneAnswer
from pg_scheduler.ports.job_store import CancelAnswer, SettleAnswer
from pg_scheduler.ports.leases import Fleet, ReclaimAnswer, ReclaimRequest, RenewAnswer, RenewRequest
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.lanes import LaneClaim
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.settling import reclaim_one, settle_one
from pg_scheduler.testing.memory.state import MemoryState, moment_of
from pg_scheduler.testing.memory.transactions import MemoryTransactions, Stores


class MemoryJobs:
    """`JobStore` over the state."""

    def __init__(self, state: MemoryState, transactions: MemoryTransactions | None = None) -> None:
        self._state = state
        self._transactions = transactions or MemoryTransactions(state)

    async def submit(
        self,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        *,
        now: datetime | None = None,
        connection: Any = None,
        batch_size: int = 1000,
    ) -> list[Submission]:
        if connection is not None:
            return await self._submit_within(connection, jobs, conflict, now)
        refuse_replacing_by_key(jobs, conflict)
        moment = moment_of(now)
        job_ids = [job.job_id for job in jobs]
        sent = rows_to_send(jobs, conflict)
        free = self._free_to_store([jobs[position] for position in sent])
        if conflict is ConflictResolution.RAISE:
            refuse_taken([jobs[position] for position in sent if job_ids[position] not in free])
        stored: dict[str, Submission] = {}
        for position in sent:
            job = jobs[position]
            due = job.execution_time if job.delay is None else moment + job.delay
            if job.job_id in free:
                row = self._state.store(job, moment, due)
                stored[job.job_id] = Submission.INSERTED
            elif conflict is ConflictResolution.REPLACE:
                row = self._state.jobs[job.job_id]
                row.redefine(job, due)
                stored[job.job_id] = Submission.REPLACED
            else:
                continue
            row.lane = self._state.lane_of(job.task_name, job.queue, job.limit_key)
        self._state.signal_stored([self._state.jobs[job_id] for job_id in stored], moment)
        return answers_in_order(job_ids, sent, stored, conflict)

    async def _submit_within(
        self, connection: Any, jobs: Sequence[NewJob], conflict: ConflictResolution, now: datetime | None
    ) -> list[Submission]:
        moment = moment_of(now)

        async def submit(stores: Stores) -> list[Submission]:
            return await stores.jobs.submit(jobs, conflict, now=moment)

        return await self._transactions.of(connection).do(submit)

    def _free_to_store(self, jobs: Sequence[NewJob]) -> set[str]:
        """The ids of those that meet neither a stored job of their id nor an unfinished one of their dedupe
        key, nor an earlier one of this call."""
        free: set[str] = set()
        keys: set[str] = set()
        for job in jobs:
            taken = self._state.holder_of(job.dedupe_key) is not None or job.dedupe_key in keys
            if job.job_id not in self._state.jobs and not taken:
                free.add(job.job_id)
                keys |= {job.dedupe_key} - {None}  # type: ignore[arg-type]
        return free

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        self._state.looked_at = True
        moment = moment_of(now)
        pending = [
            row
            for row in self._state.in_order(JobStatus.PENDING)
            if row.lane is None and self._state.may_claim(request, row)
        ]
        due = [row for row in pending if row.execution_time <= moment][: request.limit]
        late = [row for row in due if row.too_late(moment)]
        # What waited for the end of a pause is not late: its lane knows.
        orphaned_claims = [
            row
            for row in due
            if self._state.lane_of(row.new.task_name, row.new.queue, None) is not None
            or (row in late and self._was_paused(row))
        ]
        for row in orphaned_claims:
            row.lane = NO_KEY
        late = [row for row in late if row not in orphaned_claims]
        for row in late:
            row.expire(moment)
            self._state.announce_end(row)
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

    def _was_paused(self, row: StoredJob) -> bool:
        return row.new.task_name in self._state.resumed_at or row.new.queue in self._state.queue_resumed_at

    async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
        return LaneClaim(self._state, request, moment_of(now)).claim()

    async def claim_job(
        self, job_id: str, request: ClaimRequest, *, now: datetime | None = None
    ) -> ClaimedJob | None:
        row = self._state.jobs.get(job_id)
        if row is None or row.status is not JobStatus.PENDING:
            return None
        return row.lease_to(request.worker_id, moment_of(now), request.lease)

    async def renew(self, request: RenewRequest, *, now: datetime | None = None) -> RenewAnswer:
        moment = moment_of(now)
        worker = self._sign_of_life(request, moment)
        self._state.likes[request.worker_id] = request.likes
        held = {}
        for lease in request.leases:
            row = self._state.jobs.get(lease.job_id)
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
            cancel_requested=frozenset(lease for lease, requested in held.items() if requested),
            wish=worker.wish,
            profile_missing=worker.profile is None,
            fleet=self._fleet_of(request, moment),
        )

    def _fleet_of(self, request: RenewRequest, now: datetime) -> Fleet:
        alive = [
            worker_id
            for worker_id, until in self._state.alive_until.items()
            if until >= now and worker_id in self._state.workers and worker_id != request.worker_id
        ]
        others = [one for one in alive if self._state.likes.get(one) == request.likes]
        return Fleet(
            len(alive) + 1, len(others) + 1, sum(worker_id < request.worker_id for worker_id in others)
        )

    def _sign_of_life(self, request: RenewRequest, moment: datetime) -> WorkerRecord:
        known = self._state.workers.get(
            request.worker_id,
            WorkerRecord(request.worker_id, request.hostname, request.pid, moment, moment),
        )
        worker = self._state.workers[request.worker_id] = replace(
            known,
            last_seen=moment,
            state=request.says.state,
            listening=request.says.listening,
            profile=request.says.profile or known.profile,
            clock_ahead=None if request.says.clock is None else request.says.clock - moment,
        )
        self._state.alive_until[request.worker_id] = moment + request.lease
        return worker

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        moment = moment_of(now)
        may_count = set(first_verdicts(settlements))
        accepted = [
            position in may_count and settle_one(self._state, settlement, moment)
            for position, settlement in enumerate(settlements)
        ]
        deleted = Counter[JobStatus]()
        for settlement, taken in zip(settlements, accepted, strict=True):
            if not taken:
                continue
            row = self._state.jobs[settlement.job_id]
            self._state.announce_end(row)
            if row.status in not_kept and not row.awaited:
                deleted[row.status] += 1
                self._state.forget([settlement.job_id])
        if any(accepted):
            self._state.signal(SignalKind.DUE)
            self._state.signal(SignalKind.LANE)
        return SettleAnswer(accepted, deleted)

    async def reclaim_expired(self, request: ReclaimRequest, *, now: datetime | None = None) -> ReclaimAnswer:
        moment = moment_of(now)
        for worker in list(self._state.workers.values()):
            if worker.last_seen < moment - request.heartbeat_threshold:
                del self._state.workers[worker.worker_id]
                self._state.likes.pop(worker.worker_id, None)
        running = [row for row in self._state.jobs.values() if row.status is JobStatus.RUNNING]
        came_late = request.not_after is not None and moment > request.not_after
        lapsed = [row for row in running if row.lease_until is not None and row.lease_until < moment]
        expired = [] if came_late else lapsed
        expired = sorted(expired, key=lambda row: row.new.job_id)[: request.limit]
        reclaimed = tuple(reclaim_one(self._state, row, request.max_crashes, moment) for row in expired)
        if any(one.status is JobStatus.PENDING for one in reclaimed):
            self._state.signal(SignalKind.DUE)
        if reclaimed:
            self._state.signal(SignalKind.LANE)
        for row in expired:
            self._state.announce_end(row)
        ends = [row.lease_until for row in running if row not in expired and row.lease_until]
        return ReclaimAnswer(
            jobs=reclaimed,
            next_expiry_in=min((end - moment for end in ends if end >= moment), default=None),
            looked_at=moment,
            came_late=came_late,
        )

    async def request_cancel(
        self,
        job_ids: Sequence[str],
        *,
        now: datetime | None = None,
        connection: Any = None,
        by: Actor | None = None,
    ) -> list[CancelAnswer]:
        moment = moment_of(now)
        if connection is not None:

            async def cancel(stores: Stores) -> list[CancelAnswer]:
                return await stores.jobs.request_cancel(job_ids, now=moment, by=by)

            return await self._transactions.of(connection).do(cancel)
        before = {job_id: self._state.jobs[job_id].status for job_id in job_ids if job_id in self._state.jobs}
        for job_id, status in before.items():
            row = self._state.jobs[job_id]
            if status is JobStatus.PENDING:
                row.end(target_of(status, JobEvent.CANCEL), moment)
                row.cancel_requested = True
                self._state.announce_end(row)
            elif status is JobStatus.RUNNING:
                row.cancel_requested, row.superseded = True, False
                self._state.signal(SignalKind.CANCEL)
        changed = sorted(job_id for job_id, status in before.items() if not status.finished)
        self._state.note_act(by, Act.CANCEL, subject_of(changed), len(changed), moment, changed)
        answers = {
            JobStatus.PENDING: CancelAnswer.CANCELLED,
            JobStatus.RUNNING: CancelAnswer.REQUESTED,
        }
        return [
            answers.get(before[job_id], CancelAnswer.FINISHED) if job_id in before else CancelAnswer.UNKNOWN
            for job_id in job_ids
        ]

    async def override_status(
        self,
        job_id: str,
        status: JobStatus,
        *,
        now: datetime | None = None,
        stop_attempt: bool = True,
        by: Actor | None = None,
    ) -> JobStatus:
        row = self._state.jobs.get(job_id)
        if row is None:
            raise JobNotFound(job_id)
        before, moment = row.status, moment_of(now)
        if before is status:
            return before
        event = OVERRIDES.get(status)
        if event is None or transition(before, event) is None:
            raise InvalidTransition(job_id, before, status)
        if event is JobEvent.REOPEN:
            if row.status.finished and self._state.holder_of(row.new.dedupe_key) is not None:
                refuse_taken([row.new])
            started_at = row.started_at
            row.become_new()
            row.started_at, row.execution_time = started_at, moment
            self._state.signal(SignalKind.DUE)
            self._state.signal(SignalKind.LANE)
        elif event is JobEvent.CANCEL:
            await self.request_cancel([job_id], now=now)
        else:
            row.end(status, moment)
            row.note_failure(None)
            row.epoch += 1
            self._state.announce_end(row)
            self._state.signal(SignalKind.LANE)
        self._state.note_act(by, act_of(event), job_id, 1, moment, [job_id])
        if before is JobStatus.RUNNING and stop_attempt:
            self._state.signal(SignalKind.CANCEL)
        return before

    async def forget_worker(self, worker_id: str) -> None:
        self._state.workers.pop(worker_id, None)
        self._state.likes.pop(worker_id, None)

    async def note_progress(self, reports: Mapping[Lease, Progress]) -> Collection[Lease]:
        for lease, progress in reports.items():
            row = self._state.jobs.get(lease.job_id)
            if row is not None and row.epoch == lease.epoch:
                row.progress = progress
        return ()
