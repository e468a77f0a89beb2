"""What somebody's open transaction holds, and what each verb does about a row that is held.

The memory store has no transactions, so this says in its place what the statements say: whoever looks for
work passes held rows over, a renewal is answered and cannot be written, a verdict has to wait, and who must
have the row is told to come again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pg_scheduler.domain.errors import TransientDatabaseError
from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.memory.rows import StoredJob

Call = Callable[..., Any]
PASSED_OVER = {
    "claim": JobStatus.PENDING,
    "claim_lanes": JobStatus.PENDING,
    "reclaim_expired": JobStatus.RUNNING,
}
"""Verbs that look for rows in a state, as if those that are held were not there."""
WAITS_FOR_JOB = ("submit", "request_cancel", "override_status")
WAITS_FOR_SCHEDULE = ("put_schedule", "remove_schedule", "set_paused")


class Holds:
    """The rows that open transactions hold at present."""

    def __init__(self, store: MemoryDriver) -> None:
        self._store = store
        self.jobs: list[str] = []
        """A row of two transactions, one after the other, stands here twice."""
        self.schedules: list[str] = []
        self.let_go_at: dict[str, float] = {}
        """When jobs were last held, in simulated seconds."""
        self._vouched: dict[Lease, datetime] = {}
        """Until when at least the workers live that could not renew these."""

    def held_since(self, job_id: str, at: float) -> bool:
        """True if somebody has held the job at any time since then."""
        return job_id in self.jobs or self.let_go_at.get(job_id, -1.0) >= at

    def around(self, verb: str, act: Call, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Act as the store does while rows are held."""
        special: dict[str, Call] = {
            "renew": self._renew,
            "settle": self._settle,
            "note_progress": self._note_progress,
            "advance_schedules": self._advance,
        }
        if verb in PASSED_OVER:
            return self._pass_over(verb, act, args, options)
        if verb in special and (self.jobs or self.schedules or self._vouched):
            return special[verb](act, args, options)
        self._refuse_to_wait(verb, args)
        return act(*args, **options)

    def _refuse_to_wait(self, verb: str, args: tuple[Any, ...]) -> None:
        if verb in WAITS_FOR_JOB:
            wanted = [one if isinstance(one, str) else one.job_id for one in args[0]]
            held = set(self.jobs).intersection(wanted)
        elif verb in WAITS_FOR_SCHEDULE:
            held = {str(getattr(args[0], "key", args[0]))}.intersection(self.schedules)
        else:
            return
        if held:
            raise TransientDatabaseError(f"somebody holds {sorted(held)}", "55P03")

    # --- who looks for work

    def _pass_over(self, verb: str, act: Call, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        state, status = self._store.state, PASSED_OVER[verb]
        rows = state.jobs
        hidden = {name for name in self.jobs if name in rows and rows[name].status is status}
        if status is JobStatus.RUNNING:
            hidden |= set(self._held_up(rows.values(), options["now"]))
        if not hidden:
            return act(*args, **options)
        state.jobs = {name: row for name, row in rows.items() if name not in hidden}
        try:
            answer = act(*args, **options)
        finally:
            state.jobs = rows
        if status is JobStatus.RUNNING:
            return answer
        due = [rows[name] for name in hidden if rows[name].execution_time <= options["now"]]
        wanted = any(
            row.new.task_name in args[0].task_names and (row.lane is None) is (verb == "claim") for row in due
        )
        return replace(answer, passed_over=wanted)

    def _held_up(self, rows: Iterable[StoredJob], now: datetime) -> Iterable[str]:
        """Jobs whose worker has said that it lives, and that it could not renew them."""
        for row in rows:
            until = self._vouched.get(Lease(row.job_id, row.epoch))
            if until is not None and until >= now:
                yield row.job_id

    # --- who has work

    def _renew(self, act: Call, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        rows, request = self._store.state.jobs, args[0]
        before = {name: rows[name].lease_until for name in self.jobs if name in rows}
        answer = act(*args, **options)
        for lease in request.leases:
            if lease in answer.held and lease.job_id in before:
                rows[lease.job_id].lease_until = before[lease.job_id]
                self._vouched[lease] = options["now"] + request.lease
            else:
                self._vouched.pop(lease, None)
        return answer

    def _settle(self, act: Call, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        free = [one for one in args[0] if one.job_id not in self.jobs]
        answer = act(free, *args[1:], **options)
        answers = iter(answer.accepted)
        accepted = [next(answers) if one.job_id not in self.jobs else None for one in args[0]]
        return replace(answer, accepted=accepted)

    def _note_progress(self, act: Call, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        held = [lease for lease in args[0] if lease.job_id in self.jobs]
        act({lease: told for lease, told in args[0].items() if lease not in held}, **options)
        return held

    def _advance(self, act: Call, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        free = [step for step in args[0] if step.key not in self.schedules]
        answers = iter(act(free, *args[1:], **options))
        return [next(answers) if step.key not in self.schedules else False for step in args[0]]
