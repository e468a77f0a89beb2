"""Workers that are not there, or not as they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from pg_scheduler.domain.cluster_facts import ClusterFacts
from pg_scheduler.domain.problem import About, Problem, Severity, Thresholds
from pg_scheduler.domain.shell import argument
from pg_scheduler.domain.why import ago
from pg_scheduler.domain.workers import WorkerWish

Check = Callable[[ClusterFacts, Thresholds], Iterator[Problem]]


def _none_claims(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    if any(worker.claims for worker in facts.workers):
        return
    oldest = min((due.oldest for due in facts.due), default=None)
    waits = "" if oldest is None else f", and due jobs wait, the first for {ago(facts.now - oldest)}"
    left = sum(worker.running for worker in facts.workers if not worker.alive)
    if left:
        waits += f", and {left} that ran in workers that fell silent wait to be taken back"
    living = [worker for worker in facts.workers if worker.alive]
    yield Problem(
        "no_workers",
        Severity.ERROR if waits else Severity.NOTICE,
        f"of {len(living)} living workers none claims jobs{waits}" if living else f"no worker runs{waits}",
        About.WORKER,
        None,
        f"pgq workers resume {argument(living[0].worker_id)}" if living else "start a worker: pgq run PATH",
    )


def _silent(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    others = any(worker.alive for worker in facts.workers)
    for worker in facts.workers:
        if not worker.alive:
            jobs = f"{worker.running} jobs" if worker.running != 1 else "1 job"
            became = (
                "no job was left in it" if not worker.running
                else f"{jobs} that ran there are taken back by others" if others
                else f"{jobs} that ran there wait for a worker that takes them back"
            )  # fmt: skip
            yield Problem(
                "silent_worker", Severity.WARNING,
                f"the worker {worker.worker_id} on {worker.hostname} (pid {worker.pid}) fell silent "
                f"{ago(worker.seen_ago)} ago; {became}",
                About.WORKER, worker.worker_id, "see the log and the memory of that machine",
            )  # fmt: skip


def _quiet(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for worker in facts.workers:
        if worker.alive and worker.wish is WorkerWish.QUIET:
            yield Problem(
                "quiet_worker", Severity.NOTICE, f"the worker {worker.worker_id} was asked to claim no more",
                About.WORKER, worker.worker_id, f"pgq workers resume {argument(worker.worker_id)}",
            )  # fmt: skip


def _not_listening(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    """Where others hear signals, one that does not has a fault; where none does, it may be meant."""
    living = [worker for worker in facts.workers if worker.alive]
    others_hear = any(worker.listening for worker in living)
    for worker in living:
        if worker.listening is False and worker.claims:
            yield Problem(
                "not_listening", Severity.WARNING if others_hear else Severity.NOTICE,
                f"signals do not reach the worker {worker.worker_id}: it polls, and jobs start late",
                About.WORKER, worker.worker_id,
                "see its log; a pooler in transaction mode swallows LISTEN (pgq run --no-listen)",
            )  # fmt: skip


def _clock(facts: ClusterFacts, limits: Thresholds) -> Iterator[Problem]:
    for worker in facts.workers:
        ahead = worker.clock_ahead
        if worker.alive and ahead is not None and abs(ahead) >= limits.clock:
            way = "ahead of" if ahead > timedelta(0) else "behind"
            yield Problem(
                "clock", Severity.WARNING,
                f"the clock of {worker.hostname} (worker {worker.worker_id}) is {ago(abs(ahead))} {way} the "
                "database's: what its jobs schedule by that clock is off by as much",
                About.WORKER, worker.worker_id, "synchronise both machines (NTP)",
            )  # fmt: skip


WORKER_CHECKS: tuple[Check, ...] = (_none_claims, _silent, _not_listening, _clock, _quiet)
