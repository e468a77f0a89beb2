"""Each guard is taken away once, and the simulation must notice within its first seeds."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.domain import succession
from pg_scheduler.domain.catch_up import plan_advance
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.limits import OF_QUEUES
from pg_scheduler.domain.lost_lease import status_after_lost_lease
from pg_scheduler.domain.schedule import CatchUp, ScheduleSpec
from pg_scheduler.domain.settling import settles
from pg_scheduler.engine.leases.lease_keeper import LeaseKeeper
from pg_scheduler.engine.leases.reclaimer import Reclaimer
from pg_scheduler.engine.leases.renewal_paths import RenewalPaths
from pg_scheduler.engine.limits.lane_gate import LaneGate
from pg_scheduler.engine.schedules import stager
from pg_scheduler.engine.schedules.stager import Stager
from pg_scheduler.engine.settling import settler
from pg_scheduler.engine.settling.settler import Settler
from pg_scheduler.engine.worker_host import WorkerHost
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.leases import RenewAnswer, RenewRequest
from pg_scheduler.ports.schedule_store import Advance, DueAnswer
from pg_scheduler.testing.memory import lanes, settling, state
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.lanes import LaneClaim
from pg_scheduler.testing.memory.schedules import MemorySchedules
from pg_scheduler.testing.memory.stored_schedule import StoredSchedule
from tests.simulation.holds import Holds
from tests.simulation.plan import plan_of
from tests.simulation.play import play

pytestmark = pytest.mark.slow

SEEDS = 40


def noticed(first: int, fault: str) -> str:
    """What the first seed says that breaks a law, of those that have the fault twice; empty if none does."""
    having = (seed for seed in count(first) if [one.kind for one in plan_of(seed).faults].count(fault) >= 2)
    for seed in islice(having if fault else count(first), SEEDS):
        outcome = play(seed)
        if outcome.violations:
            print(f"noticed by seed {seed}")
            return "\n".join(outcome.violations)
    return ""


def without_the_epoch_check(patch: pytest.MonkeyPatch) -> None:
    def any_epoch(status: Any, epoch: int, owner: Any, event: Any, told_epoch: int, teller: str) -> bool:
        return settles(status, told_epoch, owner, event, told_epoch, teller)

    patch.setattr(settling, "settles", any_epoch)


def with_epochs_that_begin_anew(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(state, "first_epoch", lambda latest: 0)


def with_renewals_that_do_not_count(patch: pytest.MonkeyPatch) -> None:
    renew = MemoryJobs.renew

    async def forgotten(
        self: MemoryJobs, request: RenewRequest, *, now: datetime | None = None
    ) -> RenewAnswer:
        before = {job_id: row.lease_until for job_id, row in self._state.jobs.items()}
        answer = await renew(self, request, now=now)
        for job_id, until in before.items():
            self._state.jobs[job_id].lease_until = until
        return answer

    patch.setattr(MemoryJobs, "renew", forgotten)


def without_the_mark_of_windows(patch: pytest.MonkeyPatch) -> None:
    advance = MemorySchedules._advance

    def unguarded(self: MemorySchedules, step: Advance, now: datetime | None) -> bool:
        row = self._state.schedules.get(step.key)
        if row is not None:
            row.mark, row.next_window = None, step.expected_next
        return advance(self, step, now)

    patch.setattr(MemorySchedules, "_advance", unguarded)


def with_windows_that_are_due_before_their_time(patch: pytest.MonkeyPatch) -> None:
    due_schedules = MemorySchedules.due_schedules

    async def early(self: MemorySchedules, *args: Any, now: datetime, **options: Any) -> DueAnswer:
        return await due_schedules(self, *args, now=now + timedelta(seconds=2), **options)

    patch.setattr(MemorySchedules, "due_schedules", early)


def with_runs_that_keep_the_name_of_a_renamed_task(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: MemorySchedules, *, now: datetime | None = None) -> list[Any]:
        return []

    patch.setattr(MemorySchedules, "move_runs", nothing)


def without_counting_what_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LaneClaim, "_running", lambda self, lane: 0)


def without_a_budget_of_crashes(patch: pytest.MonkeyPatch) -> None:
    def unlimited(superseded: bool, cancel_requested: bool, crashes: int, most: int) -> Any:
        return status_after_lost_lease(superseded, cancel_requested, 0, most)

    patch.setattr(settling, "status_after_lost_lease", unlimited)


def with_a_new_id_at_each_try(patch: pytest.MonkeyPatch) -> None:
    schedule, tries = Scheduler.schedule, Counter[str]()

    async def again(self: Scheduler, *args: Any, job_id: str, **options: Any) -> Any:
        tries[job_id] += 1
        new_id = job_id if tries[job_id] == 1 else f"{job_id}.{tries[job_id]}"
        return await schedule(self, *args, job_id=new_id, **options)

    patch.setattr(Scheduler, "schedule", again)


def with_verdicts_told_only_once(patch: pytest.MonkeyPatch) -> None:
    write = Settler._write_batch

    async def once(self: Settler) -> None:
        try:
            await write(self)
        except ConnectionLost:
            self._queue.clear()
            self._arrived.clear()
            self._empty.set()

    patch.setattr(Settler, "_write_batch", once)


def with_leases_of_held_rows_that_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Holds, "_held_up", lambda self, rows, now: ())


def with_verdicts_on_held_rows_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(settler._ANSWERS, None, settler.Answer.ACCEPTED)


def with_schedules_that_all_must_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stager, "_can_read", lambda self, record: True)
    patch.setattr(stager, "UNREADABLE", ())


def without_an_heir(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(succession, "paired", lambda heirs, predecessors: {})


def with_names_that_older_code_displaces_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(succession, "_displaced_tasks", lambda wanted, own: ())


def without_runs_of_the_replaced_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StoredSchedule, "keys", property(lambda self: (self.new.key,)))


def without_another_way_to_renew(patch: pytest.MonkeyPatch) -> None:
    async def own_way_only(self: RenewalPaths) -> None:
        await self._own()

    patch.setattr(RenewalPaths, "renew", own_way_only)
    patch.setattr(LeaseKeeper, "renew_overdue", lambda self: asyncio.sleep(0))


def without_patience_after_an_outage(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reclaimer, "note_outage", lambda self: None)


def with_only_the_latest_window_caught_up(patch: pytest.MonkeyPatch) -> None:
    def latest(spec: ScheduleSpec, *facts: Any) -> Any:
        return plan_advance(replace(spec, catch_up=CatchUp.LATEST), *facts)

    patch.setattr(stager, "plan_advance", latest)


def with_rates_that_believe_the_future(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lanes, "worth_noting", lambda lane, now, *, full: False)


def with_lanes_that_open_before_their_time(patch: pytest.MonkeyPatch) -> None:
    def opens_in(self: LaneGate) -> float | None:
        return None if self._next_at == math.inf else max(self._next_at - self._clock.monotonic(), 0.0)

    patch.setattr(LaneGate, "opens_in", opens_in)


def with_queues_that_nobody_told_apart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ClaimRequest, "covers", lambda self, queue, task_name: task_name in self.task_names)


def with_pauses_of_queues_that_nobody_minds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        state.MemoryState,
        "may_claim",
        lambda self, request, row: request.covers(row.new.queue, row.new.task_name),
    )


def without_counting_what_runs_in_queues(patch: pytest.MonkeyPatch) -> None:
    running = LaneClaim._running
    patch.setattr(LaneClaim, "_running", lambda self, gate: gate[0] != OF_QUEUES and running(self, gate))


def without_the_tokens_of_queues(patch: pytest.MonkeyPatch) -> None:
    after = LaneClaim._after_starts

    def forgotten(self: LaneClaim, gate: Any, starts: int) -> Any:
        state = after(self, gate, starts)
        return replace(state, refilled_at=None) if gate[0] == OF_QUEUES else state

    patch.setattr(LaneClaim, "_after_starts", forgotten)


def with_queues_whose_limits_stored_jobs_pass_by(patch: pytest.MonkeyPatch) -> None:
    lane_of = state.MemoryState.lane_of
    patch.setattr(
        state.MemoryState, "lane_of", lambda self, task, queue, limit_key: lane_of(self, task, "", limit_key)
    )


def with_identities_that_survive_forks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkerHost, "_forget_parent", lambda self: None)


@pytest.mark.parametrize(
    ("remove", "first", "fault", "says"),
    [
        (without_the_epoch_check, 155, "", "stale"),
        (with_epochs_that_begin_anew, 0, "", "was claimed under epoch"),
        (with_renewals_that_do_not_count, 0, "", "before its lease ends"),
        (without_the_mark_of_windows, 6, "", "was next"),
        (with_windows_that_are_due_before_their_time, 0, "", "before they were due"),
        (with_runs_that_keep_the_name_of_a_renamed_task, 0, "", "stranded"),
        (without_counting_what_runs, 60, "", "run, 2 may"),
        (without_a_budget_of_crashes, 0, "", "3 are allowed"),
        (with_a_new_id_at_each_try, 0, "", "nobody asked for it"),
        (with_verdicts_told_only_once, 5, "", "stranded"),
        (with_leases_of_held_rows_that_end, 0, "hold", "before its lease ends"),
        (with_verdicts_on_held_rows_forgotten, 0, "hold", "held, and was not renewed"),
        (without_an_heir, 0, "release", "neither enqueued nor counted"),
        (with_names_that_older_code_displaces_forgotten, 55, "release", "decided about again"),
        (without_runs_of_the_replaced_key, 0, "release", "of the code's is unfinished"),
        (with_schedules_that_all_must_read, 0, "bad row", "a round failed"),
        (without_another_way_to_renew, 0, "no extra", "was stolen"),
        (without_patience_after_an_outage, 0, "outage", "after an outage"),
        (with_only_the_latest_window_caught_up, 0, "", "were skipped"),
        (with_rates_that_believe_the_future, 0, "store set back", "has stood still"),
        (with_lanes_that_open_before_their_time, 840, "", "times a second for nothing"),
        (with_queues_that_nobody_told_apart, 0, "", "does not serve"),
        (with_pauses_of_queues_that_nobody_minds, 0, "pause queue", "is paused"),
        (without_counting_what_runs_in_queues, 0, "", "may"),
        (without_the_tokens_of_queues, 0, "", "started within a second"),
        (with_queues_whose_limits_stored_jobs_pass_by, 0, "", "past the limits of"),
        (with_identities_that_survive_forks, 0, "", "held, and was not renewed"),
    ],
)
def test_a_missing_guard_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
    remove: Callable[[pytest.MonkeyPatch], None],
    first: int,
    fault: str,
    says: str,
) -> None:
    remove(monkeypatch)
    assert says in noticed(first, fault)
