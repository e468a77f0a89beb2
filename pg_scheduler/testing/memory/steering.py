"""Acts of an operator in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pg_scheduler.domain.acts import (
    Action,
    Batch,
    Cancel,
    ChangeAnswer,
    ChosenJob,
    Delete,
    Reschedule,
    Retry,
    refusal_of,
)
from pg_scheduler.domain.audit import Actor, AuditRecord, subject_of
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import ACTS, WishAnswer, WorkerWish
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState, moment_of


class MemorySteering:
    """`Steering` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._jobs = MemoryJobs(state)

    async def ask_worker(
        self, worker_id: str, wish: WorkerWish, *, now: datetime | None = None, by: Actor | None = None
    ) -> WishAnswer:
        known = self._state.workers.get(worker_id)
        if known is None:
            return WishAnswer.UNKNOWN
        if known.wish is wish:
            return WishAnswer.UNCHANGED
        self._state.workers[worker_id] = replace(known, wish=wish)
        self._state.note_act(by, ACTS[wish], worker_id, 1, moment_of(now))
        self._state.signal(SignalKind.WORKER)
        return WishAnswer.CHANGED

    async def change(
        self,
        jobs: Sequence[ChosenJob],
        action: Action,
        *,
        now: datetime | None = None,
        by: Actor | None = None,
        selection: str | None = None,
        audit_id: int | None = None,
    ) -> Batch:
        moment = moment_of(now)
        answers = {job.job_id: await self._change_one(job, action, moment) for job in jobs}
        done = sorted(job_id for job_id, answer in answers.items() if answer.done)
        if audit_id is not None and by is not None:
            self._state.extend_act(audit_id, done)
            return Batch(answers, audit_id)
        noted = self._state.note_act(by, action.act, subject_of(done), len(done), moment, done, selection)
        return Batch(answers, noted)

    async def _change_one(self, chosen: ChosenJob, action: Action, moment: datetime) -> ChangeAnswer:
        row = self._state.jobs.get(chosen.job_id)
        if row is None:
            return ChangeAnswer.UNKNOWN
        if chosen.epoch not in (None, row.epoch) or chosen.status not in (None, row.status):
            return ChangeAnswer.NO_MATCH
        if row.status not in action.possible:
            return refusal_of(row.status)
        match action:
            case Retry():
                if self._state.holder_of(row.new.dedupe_key) is not None:
                    return ChangeAnswer.DUPLICATE
                await self._jobs.override_status(chosen.job_id, JobStatus.PENDING, now=moment)
            case Cancel():
                (answer,) = await self._jobs.request_cancel([chosen.job_id], now=moment)
                if answer is CancelAnswer.REQUESTED:
                    return ChangeAnswer.REQUESTED
            case Delete():
                self._state.forget([chosen.job_id])
                self._state.signal(SignalKind.SCHEDULE)
            case Reschedule(at):
                row.execution_time = moment if at is None else max(at, moment)
                self._state.signal(SignalKind.DUE)
                self._state.signal(SignalKind.LANE)
        return ChangeAnswer.CHANGED

    async def audit(self, *, since: datetime | None = None, limit: int = 100) -> list[AuditRecord]:
        found = [record for record in self._state.audit if since is None or record.at >= since]
        return found[::-1][:limit]
