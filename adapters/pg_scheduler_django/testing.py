"""Running due jobs inside a test, on the test's own connection."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import async_to_sync
from django.utils import timezone

from pg_scheduler.domain.errors import RetryAfter, Snooze
from pg_scheduler.domain.model import ClaimedJob, Lease
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import (
    Outcome,
    Postponed,
    Raised,
    Returned,
    Settlement,
    Snoozed,
    Verdict,
    decide,
)
from pg_scheduler.engine.running.arguments import arguments_of
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.job_context import JobContext, enter_job
from pg_scheduler_django.conf import conf
from pg_scheduler_django.sources import sync_driver_over
from pg_scheduler_django.worker import scheduler as worker

MAX_ATTEMPTS = 1_000
"""More than any test means to run: jobs that store each other for ever end it with an error."""


@dataclass(frozen=True, slots=True)
class RanJob:
    """One attempt that was run."""

    job_id: str
    task: str
    status: str
    """What the job is now: completed, failed, or pending if it is to be tried again."""
    error: BaseException | None = None


def run_due_jobs(*, raise_errors: bool = True) -> list[RanJob]:
    """Run every job that is due, and those that become due meanwhile, in this thread and on Django's own
    connection: so it works within a `TestCase`, which never commits. Tasks with limits and windows of
    schedules are left alone.

    Raises:
        Exception: what a job raised for good; with ``raise_errors=False`` it only stands in the answer.
        RuntimeError: the jobs never come to an end.
    """
    given = conf()
    driver = sync_driver_over(given.database, schema=given.schema)
    run_now: Callable[[Any], Any] = driver.run_now
    run_now(driver.open())
    known = worker()
    tasks = dict(known.task_map)
    request = ClaimRequest("test", list(tasks), 1, timedelta(hours=1))
    ran: list[RanJob] = []
    while claimed := run_now(driver.jobs.claim(request, now=timezone.now())).jobs:
        (job,) = claimed
        outcome = _outcome(job, tasks[job.task_name], known.codec)
        verdict = decide(outcome, job, RetryPolicy(), 0.5)
        settlement = Settlement(job.job_id, job.epoch, "test", verdict)
        run_now(driver.jobs.settle([settlement], now=timezone.now()))
        error = outcome.error if isinstance(outcome, Raised | Postponed) else None
        ran.append(RanJob(job.job_id, job.task_name, _status(verdict), error))
        if raise_errors and error is not None and verdict.event is JobEvent.FAIL:
            raise error
        if len(ran) > MAX_ATTEMPTS:
            raise RuntimeError(f"more than {MAX_ATTEMPTS} attempts: do the jobs store each other?")
    return ran


def _outcome(job: ClaimedJob, func: Callable[..., Any], codec: Any) -> Outcome:
    args, kwargs = arguments_of(job, codec)
    func = async_to_sync(func) if iscoroutinefunction(func) else func
    try:
        result = contextvars.copy_context().run(_in_job, job, func, args, kwargs)
    except Snooze as snooze:
        return Snoozed(snooze.delay)
    except RetryAfter as failed:
        return Postponed(failed.__cause__ or failed, failed.delay)
    except (Exception, SystemExit) as error:  # a worker outlives both
        return Raised(error)
    return Returned(codec.encode_result(result) if job.store_result else None)


def _in_job(job: ClaimedJob, func: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    enter_job(_Running(job))
    return func(*args, **kwargs)


class _Running:
    """What `current_job()` finds."""

    def __init__(self, job: ClaimedJob) -> None:
        self.context = JobContext(
            job.job_id,
            job.task_name,
            job.attempt,
            job.retry_count,
            job.max_retries,
            job.execution_time,
            job.queue,
            _lease=Lease(job.job_id, job.epoch),
        )


def _status(verdict: Verdict) -> str:
    return {JobEvent.COMPLETE: "completed", JobEvent.FAIL: "failed"}.get(verdict.event, "pending")
