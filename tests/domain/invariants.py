"""What must hold at every step of every history of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pg_scheduler.domain.states import FINISHED, TRANSITIONS, JobEvent, JobStatus
from tests.domain.world import MAX_CRASHES, Attempt, World

_PATHS = {(step.source, step.target) for step in TRANSITIONS}


@dataclass(frozen=True, slots=True)
class Step:
    """One move: the world before, what happened, by which attempt (None: by nobody's), the world after."""

    before: World
    event: JobEvent | None
    attempt: Attempt | None
    after: World


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that broke, and how to get there."""

    invariant: str
    history: tuple[str, ...]

    def __str__(self) -> str:
        moves = "\n".join(f"  {number}. {said}" for number, said in enumerate(self.history, 1))
        return f"{self.invariant}\n{moves}"


def _no_stale_attempt_is_accepted(step: Step) -> bool:
    claim = step.before.latest_claim
    return step.attempt is None or (claim is not None and step.attempt[1] == claim[1] == step.before.epoch)


def _only_the_lease_holder_settles_a_running_job(step: Step) -> bool:
    running = step.before.status is JobStatus.RUNNING
    return step.attempt is None or not running or step.attempt == step.before.latest_claim


def _no_attempt_changes_a_finished_job(step: Step) -> bool:
    return step.attempt is None or step.before.status not in FINISHED


def _from_pending_only_a_completion_is_accepted(step: Step) -> bool:
    late = step.attempt is not None and step.before.status is JobStatus.PENDING
    return not late or step.event is JobEvent.COMPLETE


def _a_running_job_has_one_holder_and_others_none(step: Step) -> bool:
    world = step.after
    holders = [attempt for attempt in world.attempts if attempt == (world.owner, world.epoch)]
    running = world.status is JobStatus.RUNNING
    return len(holders) == 1 and holders[0] == world.latest_claim if running else world.owner is None


def _the_epoch_never_falls_and_every_claim_raises_it(step: Step) -> bool:
    gained = step.after.epoch - step.before.epoch
    return gained == 1 if step.event is JobEvent.CLAIM else gained >= 0


def _the_row_moves_only_as_the_table_says(step: Step) -> bool:
    path = (step.before.status, step.after.status)
    return path[0] is path[1] or path in _PATHS


def _a_replaced_definition_is_never_lost(step: Step) -> bool:
    """What an old version's attempt does cannot end the version that waits behind it."""
    by_attempt_or_loss = step.attempt is not None or step.event in (
        JobEvent.LOSE_LEASE,
        JobEvent.EXHAUST_CRASHES,
    )
    return not (by_attempt_or_loss and step.before.new_version_waits) or (
        step.after.status is JobStatus.PENDING and not step.after.started
    )


def _a_cancelled_job_does_not_come_back_by_itself(step: Step) -> bool:
    by_itself = step.attempt is not None or step.event is JobEvent.LOSE_LEASE
    wanted = step.before.cancel_wanted and not step.before.new_version_waits
    return not (wanted and by_itself) or step.after.status is not JobStatus.PENDING


def _a_job_expires_only_before_its_first_start(step: Step) -> bool:
    return step.event is not JobEvent.EXPIRE or not step.before.started


def _a_job_cannot_kill_more_workers_than_its_budget(step: Step) -> bool:
    spent = step.after.crashes >= MAX_CRASHES
    return step.after.crashes <= MAX_CRASHES and not (spent and step.after.status is JobStatus.RUNNING)


INVARIANTS: tuple[Callable[[Step], bool], ...] = (
    _no_stale_attempt_is_accepted,
    _only_the_lease_holder_settles_a_running_job,
    _no_attempt_changes_a_finished_job,
    _from_pending_only_a_completion_is_accepted,
    _a_running_job_has_one_holder_and_others_none,
    _the_epoch_never_falls_and_every_claim_raises_it,
    _the_row_moves_only_as_the_table_says,
    _a_replaced_definition_is_never_lost,
    _a_cancelled_job_does_not_come_back_by_itself,
    _a_job_expires_only_before_its_first_start,
    _a_job_cannot_kill_more_workers_than_its_budget,
)


def check(step: Step) -> str | None:
    """The first invariant that this step breaks, as a sentence; None if all hold."""
    for holds in INVARIANTS:
        if not holds(step):
            return holds.__name__.strip("_").replace("_", " ")
    return None
