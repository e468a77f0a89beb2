"""What is going on: what waits and runs, what happened in the last hour, what limits leave room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.minutes import LatestWork, Tally, Work, quantile

MOST_DUE = 10_000
"""So many due jobs are as many as any number, and counting ends."""


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """Due jobs of one task in one queue."""

    queue: str
    task_name: str
    count: int
    exact: bool
    """False if there may be more."""
    oldest: datetime
    """When the first of them was due."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is due and what runs."""

    waiting: tuple[WaitingWork, ...]
    running: Mapping[Work, int]
    now: datetime


@dataclass(frozen=True, slots=True)
class QueueTask:
    """One task in one queue."""

    queue: str
    task_name: str
    due: int = 0
    due_exact: bool = True
    """False if more may be due."""
    oldest_due: timedelta | None = None
    """For how long the first of them has been due."""
    running: int = 0
    started: int = 0
    """In the last hour, as all further figures."""
    completed: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    wait_p50: timedelta | None = None
    """How long after they were due half of the attempts had begun. This and the next are told of the busiest
    queues and tasks alone."""
    wait_p95: timedelta | None = None
    run_p50: timedelta | None = None
    run_p95: timedelta | None = None
    paused: bool = False
    """The task or the queue is."""


@dataclass(frozen=True, slots=True)
class LimitInUse:
    """A task or a queue that has limits or is paused."""

    scope: str
    """``task`` or ``queue``."""
    name: str
    running: int
    """Its jobs that run, whatever their limit keys: a limit of a task holds for each key by itself."""
    concurrency: int | None
    rate: float | None
    paused: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it. Figures of the last hour are those that workers have written: some seconds are missing, and
    the last ones of a worker that was killed."""

    rows: tuple[QueueTask, ...]
    """By queue and task."""
    limits: tuple[LimitInUse, ...]
    now: datetime


def summary_of(
    load: Workload, latest: LatestWork, limits: Iterable[LimitInUse], paused: frozenset[tuple[str, str]]
) -> Summary:
    """Put together what was asked one by one. `paused` are scopes with names."""
    waiting = {(one.queue, one.task_name): one for one in load.waiting}
    works = sorted(waiting.keys() | load.running.keys() | latest.hour.keys())
    return Summary(
        tuple(
            _row(work, waiting.get(work), load, latest.hour.get(work) or Tally(), paused) for work in works
        ),
        tuple(limits),
        load.now,
    )


def _row(
    work: Work,
    waiting: WaitingWork | None,
    load: Workload,
    hour: Tally,
    paused: frozenset[tuple[str, str]],
) -> QueueTask:
    queue, task_name = work
    return QueueTask(
        queue,
        task_name,
        due=0 if waiting is None else waiting.count,
        due_exact=waiting is None or waiting.exact,
        oldest_due=None if waiting is None else max(load.now - waiting.oldest, timedelta(0)),
        running=load.running.get(work, 0),
        started=hour.started,
        completed=hour.completed,
        failed=hour.failed,
        retried=hour.retried,
        cancelled=hour.cancelled,
        wait_p50=quantile(hour.waits, 0.5),
        wait_p95=quantile(hour.waits, 0.95),
        run_p50=quantile(hour.runs, 0.5),
        run_p95=quantile(hour.runs, 0.95),
        paused=("task", task_name) in paused or ("queue", queue) in paused,
    )
