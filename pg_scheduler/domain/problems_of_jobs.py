"""Jobs that do not start when they should."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pg_scheduler.domain.cluster_facts import LATELY, ClusterFacts, DueJobs
from pg_scheduler.domain.limits import OF_QUEUES
from pg_scheduler.domain.problem import About, Problem, Severity, Thresholds
from pg_scheduler.domain.shell import argument, quoted
from pg_scheduler.domain.spelling import nearest
from pg_scheduler.domain.why import ago

Check = Callable[[ClusterFacts, Thresholds], Iterator[Problem]]


def _untaken(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    """Due jobs that nobody who lives would take."""
    if not any(worker.claims for worker in facts.workers):
        return  # that is said of the workers
    for due in facts.due:
        if facts.now - due.oldest < limits.unclaimed or _is_paused(facts, due) or _is_taken(facts, due):
            continue
        waits = f"due jobs wait, the first for {ago(facts.now - due.oldest)}"
        if any(worker.claims and worker.runs(due.task_name) for worker in facts.workers):
            yield Problem(
                "not_served", Severity.ERROR,
                f"no worker that knows the task {due.task_name!r} serves the queue {due.queue!r}: {waits}",
                About.QUEUE, due.queue, f"start a worker with --queues {quoted(due.queue)}",
            )  # fmt: skip
        else:
            yield Problem(
                "unclaimed", Severity.ERROR,
                f"no living worker knows the task {due.task_name!r} (queue {due.queue!r}): {waits}"
                f"{_nearest(facts, due.task_name)}",
                About.TASK, due.task_name,
                "start a worker with the code of this task, or cancel the jobs: "
                f"pgq jobs cancel --task {quoted(due.task_name)}",
            )  # fmt: skip


def _backlog(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    full = {gate.task_name or gate.lane for gate in facts.full}
    for due in facts.due:
        if facts.now - due.oldest < limits.backlog or _is_paused(facts, due) or not _is_taken(facts, due):
            continue
        if {due.task_name, due.queue} & full:
            continue  # its limits say so
        yield Problem(
            "backlog", Severity.WARNING,
            f"jobs of {due.task_name!r} in the queue {due.queue!r} wait, the first of them for "
            f"{ago(facts.now - due.oldest)}",
            About.TASK, due.task_name, "start more workers, or see what runs: pgq workers list",
        )  # fmt: skip


def _paused(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for names, what, about, command in (
        (facts.paused_tasks, "task", About.TASK, "tasks"),
        (facts.paused_queues, "queue", About.QUEUE, "queues"),
    ):
        for name, since in sorted(names.items()):
            waiting = [one for one in facts.due if name == (one.task_name if what == "task" else one.queue)]
            oldest = min((one.oldest for one in waiting), default=None)
            held = "" if oldest is None else f", and holds back jobs, the first for {ago(facts.now - oldest)}"
            late = oldest is not None and facts.now - oldest >= limits.backlog
            yield Problem(
                "paused", Severity.WARNING if late else Severity.NOTICE,
                f"the {what} {name!r} has been paused for {ago(facts.now - since)}{held}",
                about, name, f"pgq {command} resume {argument(name)}",
            )  # fmt: skip


def _full(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for gate in facts.full:
        waited = facts.now - gate.oldest
        if waited < limits.full:
            continue
        of_queue = gate.task_name == OF_QUEUES
        if of_queue:
            what = f"the queue {gate.lane!r}"
            fix = (
                f"see what runs: pgq jobs list --status running --queue {quoted(gate.lane)}; more at once: "
                f"pgq queues limit --concurrency N {argument(gate.lane)}"
            )
        else:
            what = f"the task {gate.task_name!r}" + (f", key {gate.lane!r}," if gate.lane else "")
            fix = f"see what runs: pgq jobs list --status running --task {quoted(gate.task_name)}"
        yield Problem(
            "lane_full", Severity.WARNING,
            f"{what} is at its limit, and jobs wait for a place, the first for {ago(waited)}",
            About.QUEUE if of_queue else About.LANE, gate.lane if of_queue else gate.task_name, fix,
        )  # fmt: skip


def _lost(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    if facts.lost_since is None or facts.now - facts.lost_since < limits.lost:
        return
    yield Problem(
        "lost", Severity.ERROR,
        f"{facts.lost} running jobs belong to nobody: their leases are over, the first for "
        f"{ago(facts.now - facts.lost_since)}, and nobody has taken them back",
        About.JOBS, None, "start a worker: it takes them back within seconds",
    )  # fmt: skip


def _failing(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for one in facts.failing:
        ended = one.failed + one.completed
        if one.failed < limits.failures or 2 * one.failed <= ended:
            continue
        which = "all" if not one.completed else str(one.failed)
        yield Problem(
            "failing", Severity.WARNING if one.completed else Severity.ERROR,
            f"the task {one.task_name!r} fails: of the {ended} attempts that ended in the last {ago(LATELY)} "
            f"{which} failed",
            About.TASK, one.task_name,
            f"see why: pgq failures list --task {quoted(one.task_name)}; until it is mended: "
            f"pgq tasks pause {argument(one.task_name)}",
        )  # fmt: skip


JOB_CHECKS: tuple[Check, ...] = (_untaken, _lost, _failing, _backlog, _full, _paused)


def _is_paused(facts: ClusterFacts, due: DueJobs) -> bool:
    return due.task_name in facts.paused_tasks or due.queue in facts.paused_queues


def _is_taken(facts: ClusterFacts, due: DueJobs) -> bool:
    return any(worker.takes(due.queue, due.task_name) for worker in facts.workers)


def _nearest(facts: ClusterFacts, name: str) -> str:
    known = {
        one
        for worker in facts.workers
        if worker.alive and worker.profile
        for one in worker.profile.task_names
    }
    near = nearest(name, known)
    return "" if near is None else f"; the nearest name that one knows is {near!r}"
