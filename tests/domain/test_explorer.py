"""The fence, proven by exhaustion: two workers, one job, every history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest

from pg_scheduler.domain.settling import settles, status_after_attempt
from pg_scheduler.domain.states import FINISHED, JobEvent, JobStatus, transition
from tests.domain import explorer, world
from tests.domain.explorer import Exploration, Fence, explore

DEPTH = 16
FAR_BEYOND = 10 * DEPTH
"""Deep enough to come to an end by itself."""


@cache
def explored(depth: int) -> Exploration:
    """What the rules as they are lead to; searched once."""
    return explore(depth)


@pytest.mark.slow
def test_no_history_of_sixteen_moves_breaks_an_invariant() -> None:
    found = explored(DEPTH)
    assert found.violation is None, str(found.violation)
    assert {one.status for one in found.worlds.values()} == set(JobStatus)
    assert len(found.worlds) > 5_000
    assert found.steps > 50_000


@pytest.mark.slow
def test_sixteen_moves_show_everything_that_there_is() -> None:
    assert set(explored(DEPTH).worlds) == set(explored(FAR_BEYOND).worlds)
    assert explored(FAR_BEYOND).depth < FAR_BEYOND


@pytest.mark.slow
def test_from_every_world_the_job_can_still_come_to_its_end() -> None:
    found = explored(FAR_BEYOND)
    before: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    for source, targets in found.edges.items():
        for target in targets:
            before.setdefault(target, set()).add(source)
    reached = {kind for kind, one in found.worlds.items() if one.status in FINISHED}
    frontier = list(reached)
    while frontier:
        fresh = before.get(frontier.pop(), set()) - reached
        reached |= fresh
        frontier.extend(fresh)
    assert reached == set(found.worlds)


@pytest.mark.slow
def test_counting_worlds_by_relative_epochs_hides_none(monkeypatch: pytest.MonkeyPatch) -> None:
    merged = explore(8)
    far = world.FAR
    monkeypatch.setattr(world, "FAR", 10**9)
    exact = explore(8)
    monkeypatch.setattr(world, "FAR", far)
    assert len(exact.worlds) > len(merged.worlds)
    assert {one.fingerprint() for one in exact.worlds.values()} == set(merged.worlds)


def _without_the_epoch(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, told_epoch: int, teller: str
) -> bool:
    return settles(status, epoch, owner, event, epoch, teller)


def _without_the_owner(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, told_epoch: int, teller: str
) -> bool:
    return settles(status, epoch, owner, event, told_epoch, owner or teller)


def _without_the_status(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, told_epoch: int, teller: str
) -> bool:
    return epoch == told_epoch and owner in (None, teller)


def _with_late_verdicts_of_all_kinds(
    status: JobStatus, epoch: int, owner: str | None, event: JobEvent, told_epoch: int, teller: str
) -> bool:
    late = status is JobStatus.PENDING and epoch == told_epoch
    return late or settles(status, epoch, owner, event, told_epoch, teller)


@pytest.mark.parametrize(
    ("fence", "broken", "moves"),
    [
        (_without_the_epoch, "no stale attempt is accepted", 3),
        (_without_the_owner, "only the lease holder settles a running job", 3),
        (_without_the_status, "no attempt changes a finished job", 3),
        (_with_late_verdicts_of_all_kinds, "from pending only a completion is accepted", 3),
    ],
)
def test_a_fence_with_a_gap_is_found_out(fence: Fence, broken: str, moves: int) -> None:
    violation = explore(DEPTH, fence).violation
    assert violation is not None
    print(f"\nwith the fence {fence.__name__.strip('_').replace('_', ' ')}: {violation}")
    assert violation.invariant == broken
    assert len(violation.history) == moves


def test_a_violation_tells_the_shortest_history_that_leads_to_it() -> None:
    violation = explore(DEPTH, _without_the_owner).violation
    assert str(violation).splitlines() == [
        "only the lease holder settles a running job",
        "  1. A claims epoch 1: pending -> running",
        "  2. B is handed a copy of epoch 1: running -> running",
        "  3. B says complete of epoch 1: running -> completed",
    ]


def _after_attempt_forgetting_the_new_version(
    event: JobEvent, superseded: bool, cancel_requested: bool
) -> JobStatus:
    return status_after_attempt(event, False, cancel_requested)


def _after_attempt_forgetting_the_cancellation(
    event: JobEvent, superseded: bool, cancel_requested: bool
) -> JobStatus:
    return status_after_attempt(event, superseded, False)


def _lost_for_ever(superseded: bool, cancelled: bool, crashes: int, budget: int) -> JobStatus:
    return JobStatus.PENDING


def _lost_at_once(superseded: bool, cancelled: bool, crashes: int, budget: int) -> JobStatus:
    return JobStatus.FAILED


def _misfired_at_any_start(lateness: timedelta, grace_seconds: int | None, ever_started: bool) -> bool:
    return True


def _also_claiming_what_runs(source: JobStatus, event: JobEvent) -> object:
    claims = event is JobEvent.CLAIM and source is JobStatus.COMPLETED
    return claims or transition(source, event)


@pytest.mark.parametrize(
    ("rule", "mutant", "broken"),
    [
        (
            "status_after_attempt",
            _after_attempt_forgetting_the_new_version,
            "a replaced definition is never lost",
        ),
        (
            "status_after_attempt",
            _after_attempt_forgetting_the_cancellation,
            "a cancelled job does not come back by itself",
        ),
        (
            "status_after_lost_lease",
            _lost_for_ever,
            "a cancelled job does not come back by itself",
        ),
        ("status_after_lost_lease", _lost_at_once, "a replaced definition is never lost"),
        ("first_epoch", lambda latest: 0, "the epoch never falls and every claim raises it"),
        ("first_epoch", lambda latest: latest, "no stale attempt is accepted"),
        ("misfired", _misfired_at_any_start, "a job expires only before its first start"),
        ("transition", _also_claiming_what_runs, "the row moves only as the table says"),
    ],
)
def test_each_rule_is_needed(
    monkeypatch: pytest.MonkeyPatch, rule: str, mutant: Callable[..., object], broken: str
) -> None:
    monkeypatch.setattr(explorer, rule, mutant)
    violation = explore(DEPTH).violation
    assert violation is not None
    assert violation.invariant == broken


def test_a_job_without_a_crash_budget_kills_workers_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(superseded: bool, cancelled: bool, crashes: int, budget: int) -> JobStatus:
        return JobStatus.CANCELLED if cancelled and not superseded else JobStatus.PENDING

    monkeypatch.setattr(explorer, "status_after_lost_lease", lost)
    violation = explore(DEPTH).violation
    assert violation is not None
    assert violation.invariant == "a job cannot kill more workers than its budget"
