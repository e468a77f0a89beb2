"""The life of jobs, as SQL."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.audit import Act, Actor, act_of, subject_of
from pg_scheduler.domain.conflict import ConflictResolution, Submission, refuse_replacing_by_key
from pg_scheduler.domain.errors import DatabaseError, DuplicateJob, InvalidTransition, JobNotFound
from pg_scheduler.domain.limits import (
    BURST_SECONDS,
    CLOCK_SET_BACK,
    FULL_LANE_PATIENCE,
    NOTE_AGAIN,
    TOKEN_ROUNDING,
)
from pg_scheduler.domain.model import START_ORDER, ClaimedJob, Lease, NewJob, Progress
from pg_scheduler.domain.states import OVERRIDES, JobEvent, JobStatus, transition
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest, LaneAnswer, LaneCursor
from pg_scheduler.ports.job_store import CancelAnswer, SettleAnswer
from pg_scheduler.ports.leases import (
    Fleet,
    ReclaimAnswer,
    Reclaimed,
    ReclaimRequest,
    RenewAnswer,
    RenewRequest,
)
from pg_scheduler_postgres.auditing import Changed, note_act, recorded
from pg_scheduler_postgres.callers import session_for
from pg_scheduler_postgres.conversions import duration, instant
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.rows import claimed_jobs, status_in
from pg_scheduler_postgres.rules import CANCELLATION, MISFIRE, loss_of
from pg_scheduler_postgres.session import Row, Session
from pg_scheduler_postgres.settling import Settling
from pg_scheduler_postgres.submitting import UNIQUE_VIOLATION, Submitting
from pg_scheduler_postgres.worker_rows import values_of_life, wish_in

log = logging.getLogger("pg_scheduler.postgres.jobs")

LANES_AT_ONCE = 200
"""Lanes that one claim looks at: some 10 ms of the server's time. With more of them the next claim goes on
where this one ended, and jobs are in order of urgency among those alone."""

LANES_PASSED = 500
"""Lanes of which one look for lost leases finds out whether they are still used."""

_CANCEL_ANSWERS = {
    JobStatus.PENDING: CancelAnswer.CANCELLED,
    JobStatus.RUNNING: CancelAnswer.REQUESTED,
}


class PostgresJobs:
    """`JobStore` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ranks_are_shared = False
        """Whether the last claim found streams of one rank: the next one expects what it found."""

    async def submit(
        self,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        *,
        now: datetime | None = None,
        connection: Any = None,
        batch_size: int = 1000,
    ) -> list[Submission]:
        refuse_replacing_by_key(jobs, conflict)
        session = await session_for(self._link, connection, "the job" if len(jobs) == 1 else "the jobs")
        return await Submitting(self._link, session, jobs, conflict, now).submit(batch_size)

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        if request.resume_after or self._ranks_are_shared:
            return await self._claim("claim", request, now, **_marks(request))
        answer = await self._claim("claim_by_rank", request, now)
        if not self._ranks_are_shared:
            return answer
        return await self._claim("claim", request, now, **_marks(request))

    async def _claim(
        self, statement: str, request: ClaimRequest, now: datetime | None, **marks: Any
    ) -> ClaimAnswer:
        rows = await self._link.run(
            statement,
            now=now,
            worker_id=request.worker_id,
            task_names=list(request.task_names),
            queues=_served(request),
            limit=request.limit,
            lease_seconds=request.lease.total_seconds(),
            **marks,
            **MISFIRE,
        )
        answer, rows = _split(rows)
        self._ranks_are_shared = answer["ranks_are_shared"]
        jobs, unreadable = await self._claimed(rows, request, now)
        return ClaimAnswer(
            jobs=jobs,
            unreadable=unreadable,
            expired=tuple(answer["expired_ids"] or ()),
            next_due_in=duration(answer["wait_seconds"]),
            sorted_into_lanes=answer["sorted_count"],
            passed_over=answer["passed_over"],
            scan_seconds=answer["look_seconds"],
        )

    async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
        cursor = request.lane_cursor
        rows = await self._link.run(
            "claim_lanes",
            now=now,
            worker_id=request.worker_id,
            task_names=list(request.task_names),
            queues=_served(request),
            limit=request.limit,
            lease_seconds=request.lease.total_seconds(),
            burst_seconds=BURST_SECONDS,
            token_rounding=TOKEN_ROUNDING,
            full_patience=FULL_LANE_PATIENCE.total_seconds(),
            set_back=CLOCK_SET_BACK.total_seconds(),
            note_again=NOTE_AGAIN.total_seconds(),
            competing=request.competing,
            after_queue="" if cursor is None else cursor.queue,
            after_task="" if cursor is None else cursor.task_name,
            after_lane="" if cursor is None else cursor.lane,
            lanes_at_once=LANES_AT_ONCE,
            **_marks(request),
            **MISFIRE,
        )
        answer, rows = _split(rows)
        more = answer["more"] or (cursor is not None and cursor.more_behind)
        ended_task = answer["ended_task"]
        swept = ended_task is None
        jobs, _ = await self._claimed(rows, request, now)
        return LaneAnswer(
            jobs=jobs,
            expired=tuple(answer["expired_ids"] or ()),
            more=more or not swept,
            next_in=duration(answer["wait_seconds"]),
            cursor=None
            if swept
            else LaneCursor(answer["ended_queue"], ended_task, answer["ended_lane"], more),
            outranked=answer["outranked"],
            unrivalled=bool(jobs) and answer["unrivalled"],
            passed_over=answer["passed_over"],
        )

    async def claim_job(
        self, job_id: str, request: ClaimRequest, *, now: datetime | None = None
    ) -> ClaimedJob | None:
        rows = await self._link.run(
            "claim_job",
            now=now,
            job_id=job_id,
            worker_id=request.worker_id,
            lease_seconds=request.lease.total_seconds(),
        )
        jobs, _ = await self._claimed(rows, request, now)
        return jobs[0] if jobs else None

    async def _claimed(
        self, rows: Sequence[Row], request: ClaimRequest, now: datetime | None
    ) -> tuple[tuple[ClaimedJob, ...], tuple[str, ...]]:
        """The claimed jobs of an answer in start order (UPDATE ... RETURNING keeps none), and the ids of
        those whose rows cannot be read: they are leased by now, and nobody could ever run them, so they end
        failed before anybody hears of them. One whose row is held in this moment is left to its lease."""
        jobs, unreadable = claimed_jobs(rows)
        if unreadable:
            settlements = [
                Settlement(*lease, request.worker_id, Verdict(JobEvent.FAIL, error_message=reason))
                for lease, reason in unreadable
            ]
            await Settling(self._link, settlements, now, ()).settle()
        for lease, reason in unreadable:
            log.error("job %r failed: %s", lease.job_id, reason, extra={"job_id": lease.job_id})
        return tuple(sorted(jobs, key=START_ORDER)), tuple(lease.job_id for lease, _ in unreadable)

    async def renew(self, request: RenewRequest, *, now: datetime | None = None) -> RenewAnswer:
        rows = await self._link.run(
            "renew",
            now=now,
            worker_id=request.worker_id,
            hostname=request.hostname,
            pid=request.pid,
            lease_seconds=request.lease.total_seconds(),
            job_ids=[lease.job_id for lease in request.leases],
            epochs=[lease.epoch for lease in request.leases],
            likes=request.likes,
            **values_of_life(request.says),
        )
        held = {
            Lease(row["job_id"], row["epoch"]): row["cancel_requested"]
            for row in rows
            if row["job_id"] is not None
        }
        return RenewAnswer(
            held=frozenset(held),
            cancel_requested=frozenset(lease for lease, requested in held.items() if requested),
            wish=wish_in(rows[0]),
            profile_missing=rows[0]["profile_missing"],
            fleet=Fleet(rows[0]["workers"], rows[0]["likes"], rows[0]["place"]),
        )

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        return await Settling(self._link, settlements, now, not_kept).settle()

    async def reclaim_expired(self, request: ReclaimRequest, *, now: datetime | None = None) -> ReclaimAnswer:
        rows = await self._link.run(
            "reclaim_expired",
            now=now,
            heartbeat_threshold_seconds=request.heartbeat_threshold.total_seconds(),
            limit=request.limit,
            # A test's clock has nothing to do with when the server started.
            patience_seconds=request.after_restart.total_seconds() if now is None else 0.0,
            after_task=request.lanes_after[0],
            after_lane=request.lanes_after[1],
            lanes_at_once=LANES_PASSED,
            not_after=request.not_after,
            **loss_of(request.max_crashes),
        )
        looked_at = instant(rows[0]["looked_at"])
        return ReclaimAnswer(
            jobs=tuple(
                Reclaimed(
                    job_id=row["job_id"],
                    worker_id=row["worker_id"],
                    status=JobStatus(row["status"]),
                    crash_count=row["crash_count"],
                )
                for row in rows
                if row["job_id"] is not None
            ),
            next_expiry_in=duration(rows[0]["wait_seconds"]),
            lanes_after=("", "")
            if rows[0]["ended_task"] is None
            else (rows[0]["ended_task"], rows[0]["ended_lane"]),
            looked_at=looked_at,
            came_late=request.not_after is not None and looked_at > request.not_after,
        )

    async def request_cancel(
        self,
        job_ids: Sequence[str],
        *,
        now: datetime | None = None,
        connection: Any = None,
        by: Actor | None = None,
    ) -> list[CancelAnswer]:
        session = await session_for(self._link, connection, "the cancellation")

        async def cancel(transaction: Session | None) -> Sequence[Row]:
            return await self._link.run(
                "request_cancel", transaction or session, now=now, job_ids=list(job_ids), **CANCELLATION
            )

        rows = await recorded(
            self._link,
            by,
            Act.CANCEL,
            cancel,
            _cancelled,
            now=now,
            session=None if connection is None else session,
        )
        before = {row["job_id"]: status_in(row) for row in rows}
        return [
            _CANCEL_ANSWERS.get(before[job_id], CancelAnswer.FINISHED)
            if job_id in before
            else CancelAnswer.UNKNOWN
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
        async with self._link.session.transaction() as transaction:
            rows = await self._link.run("lock_job", transaction, job_id=job_id)
            if not rows:
                raise JobNotFound(job_id)
            before = status_in(rows[0])
            if before is status:
                return before
            event = OVERRIDES.get(status)
            if event is None or transition(before, event) is None:
                raise InvalidTransition(job_id, before, status)
            if event is JobEvent.REOPEN:
                await self._reopen(transaction, job_id, rows[0]["dedupe_key"], now)
            elif event is JobEvent.CANCEL:
                await self._link.run("request_cancel", transaction, now=now, job_ids=[job_id], **CANCELLATION)
            else:
                await self._link.run(
                    "override_status", transaction, now=now, job_id=job_id, status=str(status)
                )
            if before is JobStatus.RUNNING and event is not JobEvent.CANCEL and stop_attempt:
                await self._link.run("notify_cancel", transaction)
            await note_act(self._link, transaction, by, act_of(event), Changed(job_id, 1, [job_id]), now)
            return before

    async def _reopen(
        self, transaction: Session, job_id: str, dedupe_key: str | None, now: datetime | None
    ) -> None:
        try:
            await self._link.run("reopen", transaction, now=now, job_id=job_id)
        except DatabaseError as error:
            if error.sqlstate != UNIQUE_VIOLATION or dedupe_key is None:
                raise
            raise DuplicateJob([dedupe_key]) from error

    async def forget_worker(self, worker_id: str) -> None:
        await self._link.run("forget_worker", worker_id=worker_id)

    async def note_progress(self, reports: Mapping[Lease, Progress]) -> Collection[Lease]:
        ordered = sorted(reports.items(), key=lambda report: report[0].job_id)
        rows = await self._link.run(
            "note_progress",
            job_ids=[lease.job_id for lease, _ in ordered],
            epochs=[lease.epoch for lease, _ in ordered],
            dones=[progress.done for _, progress in ordered],
            totals=[progress.total for _, progress in ordered],
        )
        return [Lease(row["job_id"], row["epoch"]) for row in rows]


def _split(rows: Sequence[Row]) -> tuple[Row, Sequence[Row]]:
    """The row that says what is said once, and those of the jobs."""
    for place in (-1, 0):  # it stands at one end, mostly
        if rows[place]["job_id"] is None:
            return rows[place], rows[:-1] if place else rows[1:]
    (answer,) = (row for row in rows if row["job_id"] is None)
    return answer, [row for row in rows if row is not answer]


def _cancelled(rows: Sequence[Row]) -> Changed:
    changed = sorted(row["job_id"] for row in rows if not status_in(row).finished)
    return Changed(subject_of(changed), len(changed), changed)


def _served(request: ClaimRequest) -> list[str] | None:
    return None if request.queues is None else list(request.queues)


def _marks(request: ClaimRequest) -> dict[str, Any]:
    marks = request.resume_after
    return {
        "mark_queues": [mark.queue for mark in marks],
        "mark_tasks": [mark.task_name for mark in marks],
        "mark_ranks": [mark.rank for mark in marks],
        "mark_times": [mark.execution_time for mark in marks],
        "mark_ids": [mark.job_id for mark in marks],
    }
