"""Schedules whose windows nobody turns into jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pg_scheduler.domain.cluster_facts import ClusterFacts, LateSchedule
from pg_scheduler.domain.problem import About, Problem, Severity, Thresholds
from pg_scheduler.domain.schedule import UNREADABLE, ScheduleSpec
from pg_scheduler.domain.shell import argument
from pg_scheduler.domain.why import ago

Check = Callable[[ClusterFacts, Thresholds], Iterator[Problem]]


def _late(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for one in facts.late:
        problem = _unreadable(one) or _late_one(facts, one, limits)
        if problem is not None:
            yield problem


def _unreadable(one: LateSchedule) -> Problem | None:
    try:
        ScheduleSpec.from_text(one.spec)
    except UNREADABLE as error:
        return Problem(
            "schedule_unreadable", Severity.ERROR,
            f"the schedule {one.key!r} cannot be read by this version: {type(error).__name__}: {error}",
            About.SCHEDULE, one.key,
            "run workers of the version that stored it, or install the time zone that it names",
        )  # fmt: skip
    return None


def _late_one(facts: ClusterFacts, one: LateSchedule, limits: Thresholds) -> Problem | None:
    if one.next_window is None or (waited := facts.now - one.next_window) < limits.late:
        return None
    known = any(worker.claims and worker.knows(one.task_name) for worker in facts.workers)
    if known:
        why, fix = "", "see the log of the workers that know its task"
    else:
        why = f": no living worker knows its task {one.task_name!r}"
        fix = f"start a worker with that task, or remove it: pgq schedules remove {argument(one.key)}"
    return Problem(
        "schedule_late", Severity.WARNING if known else Severity.ERROR,
        f"the schedule {one.key!r} is late: a window has been due for {ago(waited)}{why}",
        About.SCHEDULE, one.key, fix,
    )  # fmt: skip


def _retired(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for one in facts.retired:
        if facts.now - one.heartbeat < limits.retired:
            yield Problem(
                "schedule_retired", Severity.NOTICE,
                f"the schedule {one.key!r} of {one.task_name!r} is retired: no code has defined it for "
                f"{ago(facts.now - one.heartbeat)}",
                About.SCHEDULE, one.key, "nothing, if newer code has replaced it",
            )  # fmt: skip


SCHEDULE_CHECKS: tuple[Check, ...] = (_late, _retired)
