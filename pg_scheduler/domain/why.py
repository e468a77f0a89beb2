"""Why a job does not run: the conditions of a claim, in the order in which a claim checks them.

Each condition is a function of the facts. The first that holds the job is the answer, the others are context.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from pg_scheduler.domain.job_facts import MOST_AHEAD, GateFacts, JobFacts, Run, WorkerFacts
from pg_scheduler.domain.limits import until_token
from pg_scheduler.domain.shell import argument, quoted
from pg_scheduler.domain.spelling import nearest
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerWish


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition of a claim."""

    code: str
    """One word for programs."""
    holds: bool
    """Whether it keeps the job from starting, or, of a job that waits no more, says what became of it."""
    text: str
    act: bool = False
    """Whether somebody has to act; else it passes by itself."""
    fix: str | None = None
    """What to do, as a command where there is one."""
    refers_to: tuple[str, ...] = ()
    """Ids of jobs and workers that the text names."""


def explain(facts: JobFacts | None) -> tuple[Reason, ...]:
    """Why the job does not run, or what became of it; what holds it first comes first."""
    if facts is None:
        return (Reason("gone", True, "there is no such job: it was deleted, or never stored", act=True),)
    if facts.job.status.finished:
        return (_ended(facts),)
    if facts.job.status is JobStatus.RUNNING:
        return (_running(facts),)
    found = [reason for condition in CONDITIONS if (reason := condition(facts)) is not None]
    holding = [reason for reason in found if reason.holds]
    return (*holding, *(reason for reason in found if not reason.holds)) if holding else (_next(facts),)


def must_act(reasons: tuple[Reason, ...]) -> bool:
    """Whether the job will not run by itself, or has not."""
    return any(reason.act for reason in reasons if reason.holds)


def ago(age: timedelta) -> str:
    """An age or a wait in words: ``4 min``."""
    seconds = max(age.total_seconds(), 0.0)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _ended(facts: JobFacts) -> Reason:
    job = facts.job
    when = "" if job.finished_at is None else f" {ago(facts.now - job.finished_at)} ago"
    error = (job.error_message or "").strip().splitlines()
    text = f"it {_ENDS[job.status]}{when}" + (f": {error[0]}" if error else "")
    bad = job.status is not JobStatus.COMPLETED
    return Reason("ended", True, text, act=bad, fix=f"pgq jobs retry {argument(job.job_id)}" if bad else None)


_ENDS = {
    JobStatus.COMPLETED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "was cancelled",
    JobStatus.EXPIRED: "expired, as nobody started it within its grace,",
}


def _running(facts: JobFacts) -> Reason:
    job = facts.job
    parts = [f"it runs in {job.worker_id}, attempt {job.attempt_count}"]
    if job.started_at is not None:
        parts.append(f"for {ago(facts.now - job.started_at)}")
    if job.progress is not None:
        total = "" if job.progress.total is None else f" of {job.progress.total:g}"
        parts.append(f"and got {job.progress.done:g}{total} far")
    if job.cancel_requested:
        parts.append("; it was asked to stop, and its function has not stopped yet")
    if all(worker.worker_id != job.worker_id or not worker.alive for worker in facts.workers):
        left = None if job.lease_until is None else job.lease_until - facts.now
        when = "is over" if left is None or left <= timedelta(0) else f"ends in {ago(left)}"
        parts.append(f"; its worker is silent, and its lease {when}: then it is taken back")
    refers_to = (job.worker_id,) if job.worker_id else ()
    return Reason("running", True, " ".join(parts).replace(" ;", ";"), refers_to=refers_to)


def _future(facts: JobFacts) -> Reason | None:
    job, last = facts.job, facts.last_attempt
    if job.execution_time <= facts.now:
        return None
    text = f"it is due in {ago(job.execution_time - facts.now)}"
    if last is not None and last.outcome == "retry":
        error = (last.error_message or "an error").strip().splitlines()[0]
        text += f": retry {job.retry_count} of {job.max_retries} after {error}"
    elif last is not None and last.outcome in ("snoozed", "released"):
        text += f": it was {last.outcome} at its last attempt"
    return Reason("future", True, text)


def _unknown_task(facts: JobFacts) -> Reason | None:
    living = [worker for worker in facts.workers if worker.claims]
    if not living or any(worker.knows for worker in living):
        return None
    name = facts.job.task_name
    near = nearest(name, facts.known_names)
    hint = "" if near is None else f"; they know {near!r}"
    gone = [worker for worker in facts.workers if worker.knows and not worker.alive]
    if gone:
        version = f" (version {gone[0].app_version})" if gone[0].app_version else ""
        hint += f"; {gone[0].worker_id}{version} did, silent for {ago(gone[0].seen_ago)}"
    return Reason(
        "unknown_task", True, f"no living worker knows the task {name!r}{hint}", act=True,
        fix="start a worker with the code of this task", refers_to=_ids(gone[:1]),
    )  # fmt: skip


def _not_chosen(facts: JobFacts) -> Reason | None:
    knowing = [worker for worker in facts.workers if worker.claims and worker.knows]
    if not knowing or any(worker.chosen for worker in knowing):
        return None
    return Reason(
        "not_chosen", True, f"{_named(knowing)} know its task, but run others only (--only)", act=True,
        fix="start a worker without --only, or with this task", refers_to=_ids(knowing),
    )  # fmt: skip


def _not_served(facts: JobFacts) -> Reason | None:
    able = [worker for worker in facts.workers if worker.claims and worker.knows and worker.chosen]
    if not able or any(worker.serves for worker in able):
        return None
    queue = facts.job.queue
    return Reason(
        "not_served", True, f"{_named(able)} know its task, but do not serve the queue {queue!r}", act=True,
        fix=f"start a worker with --queues {quoted(queue)}", refers_to=_ids(able),
    )  # fmt: skip


def _no_worker(facts: JobFacts) -> Reason | None:
    if any(worker.claims for worker in facts.workers):
        return None
    living = [worker for worker in facts.workers if worker.alive]
    if not living:
        silent = f"; {_named(facts.workers)} fell silent" if facts.workers else ""
        text, fix = f"no worker runs{silent}", "start a worker: pgq run PATH"
    else:
        quiet = [worker for worker in living if worker.wish is WorkerWish.QUIET]
        text = f"of the {len(living)} living workers none claims: {_named(living)} are quiet or stopping"
        fix = (
            f"pgq workers resume {argument(quiet[0].worker_id)}" if quiet else "start a worker: pgq run PATH"
        )
    return Reason("no_worker", True, text, act=True, fix=fix, refers_to=_ids(living))


def _paused(facts: JobFacts) -> Reason | None:
    job = facts.job
    if (since := facts.task_paused_since) is not None:
        what, fix = f"the task {job.task_name!r}", f"pgq tasks resume {argument(job.task_name)}"
    elif (since := facts.queue_paused_since) is not None:
        what, fix = f"the queue {job.queue!r}", f"pgq queues resume {argument(job.queue)}"
    else:
        return None
    return Reason("paused", True, f"{what} has been paused for {ago(facts.now - since)}", act=True, fix=fix)


def _lane_full(facts: JobFacts) -> Reason | None:
    for gate, what in _gates(facts):
        most = gate.limits.concurrency
        if most is not None and gate.running >= most:
            text = f"{what} is full, {gate.running} of {most}: {_runs_shown(facts, gate.holders)}"
            return Reason("lane_full", True, text, refers_to=tuple(run.job_id for run in gate.holders))
    return None


def _rate(facts: JobFacts) -> Reason | None:
    for gate, what in _gates(facts):
        if gate.limits.rate is None:
            continue
        wait = until_token(gate.limits.rate, gate.state, facts.now)
        if wait > timedelta(0):
            return Reason("rate", True, f"{what} allows the next start in {ago(wait)}{_before_it(facts)}")
    return None


def _busy(facts: JobFacts) -> Reason | None:
    fitting = [worker for worker in facts.workers if worker.fits]
    if not fitting:
        return None
    taken = all(worker.full for worker in fitting)
    shown = ", ".join(
        f"{one.worker_id} {one.running_of_queue}/{one.queue_slots} of its queue" if one.queue_slots
        else f"{one.worker_id} {one.running}/{one.capacity if one.capacity is not None else '?'}"
        for one in fitting[:3]
    )  # fmt: skip
    text = f"slots in use: {shown}{_before_it(facts)}"
    return Reason("busy", taken, text, refers_to=_ids(fitting[:3]))


def _exclusive(facts: JobFacts) -> Reason | None:
    run = facts.other_run
    if run is None:
        return None
    text = f"its schedule's run before it is not over: {_runs_shown(facts, (run,))}"
    return Reason("exclusive", True, text, refers_to=(run.job_id,))


def _held_row(facts: JobFacts) -> Reason | None:
    if not facts.row_is_held:
        return None
    holder = facts.held_by
    if holder is None:
        text, fix = "somebody's open transaction holds its row", "find it in pg_stat_activity"
    else:
        of = f" of {holder.application!r}" if holder.application else ""
        since = f", open for {ago(holder.since)}" if holder.since is not None else ""
        state = f", {holder.state}" if holder.state else ""
        text = f"a transaction{of} (pid {holder.pid}{since}{state}) holds its row"
        fix = f"let its owner end it, or SELECT pg_terminate_backend({holder.pid})"
    return Reason("held_row", True, text, act=True, fix=fix)


CONDITIONS: tuple[Callable[[JobFacts], Reason | None], ...] = (
    _future,
    _unknown_task,
    _not_chosen,
    _not_served,
    _no_worker,
    _paused,
    _lane_full,
    _rate,
    _busy,
    _exclusive,
    _held_row,
)
"""Of a job that waits, in the order of a claim."""


def _next(facts: JobFacts) -> Reason:
    fitting = [worker for worker in facts.workers if worker.fits]
    heard = any(worker.listening for worker in fitting)
    how = "signals tell them" if heard else "they poll"
    text = f"nothing holds it: {_named(fitting)} can take it, and {how}{_before_it(facts)}"
    return Reason("next", True, text, refers_to=_ids(fitting))


def _gates(facts: JobFacts) -> tuple[tuple[GateFacts, str], ...]:
    key = facts.job.limit_key
    lane = f"the lane {key!r} of {facts.job.task_name!r}" if key else f"the task {facts.job.task_name!r}"
    return (facts.lane, lane), (facts.queue, f"the queue {facts.job.queue!r}")


def _before_it(facts: JobFacts) -> str:
    if not facts.ahead:
        return ""
    more = "or more " if facts.ahead >= MOST_AHEAD else ""
    return f"; {facts.ahead} {more}due jobs of its task start before it"


def _runs_shown(facts: JobFacts, runs: tuple[Run, ...]) -> str:
    return ", ".join(
        f"{run.job_id} (in {run.worker_id or '?'}"
        + (f", {ago(facts.now - run.since)})" if run.since is not None else ")")
        for run in runs
    )


def _named(workers: tuple[WorkerFacts, ...] | list[WorkerFacts]) -> str:
    shown = ", ".join(worker.worker_id for worker in workers[:3])
    return f"{shown} and {len(workers) - 3} more" if len(workers) > 3 else shown


def _ids(workers: tuple[WorkerFacts, ...] | list[WorkerFacts]) -> tuple[str, ...]:
    return tuple(worker.worker_id for worker in workers)
