"""Which of the living workers have to do with something."""

from __future__ import annotations

from collections.abc import Iterable

from pg_scheduler.domain.workers import WorkerRecord


def serving(workers: Iterable[WorkerRecord], queue: str) -> list[WorkerRecord]:
    """Those that serve a queue."""
    return [one for one in workers if one.alive and (_queues(one) is None or queue in (_queues(one) or ()))]


def knowing(workers: Iterable[WorkerRecord], task: str) -> list[WorkerRecord]:
    """Those that know a task. One that does not say what it knows is taken to know everything."""
    return [one for one in workers if one.alive and (one.profile is None or task in one.profile.task_names)]


def _queues(worker: WorkerRecord) -> Iterable[str] | None:
    return None if worker.profile is None else worker.profile.queues
