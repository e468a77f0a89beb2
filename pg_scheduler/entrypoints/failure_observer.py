"""Telling somebody that a job has failed for good."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, JobFailed, shown
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.models import Job
from pg_scheduler.ports.worker_events import AttemptsSettled, WorkerEvent

log: logging.Logger = logging.getLogger("pg_scheduler.entrypoints.failure_observer")

FAILURES = (JobEvent.FAIL, JobEvent.EXHAUST_CRASHES)
"""Events after which a job has failed for good."""

HOLD = "hold"
"""Nobody is told; the job stays, failed, until retention deletes it or somebody retries it."""


def checked_on_failure(value: object) -> Callable[..., Any] | None:
    """A function, or None for "hold"."""
    if value is None or value == HOLD:
        return None
    if not callable(value):
        raise InvalidInput(
            "on_failure",
            f"expected a function or 'hold', got {shown(value)}",
            "To delete failed jobs, give the scheduler VacuumConfig(failed=VacuumPolicy.immediate())",
        )
    return value


class FailureObserver:
    """Calls ``on_failure(job, error)`` of the job's entrypoint once a failure is stored that no retry
    follows: by the worker that ran the job, or by the one that took it back from a worker that died."""

    def __init__(self) -> None:
        self.by_name: dict[str, Callable[..., Any]] = {}
        self._calling: set[asyncio.Future[Any]] = set()

    def observe(self, event: WorkerEvent) -> None:
        """Call whom it concerns."""
        if isinstance(event, AttemptsSettled):
            for job, verdict, _, accepted, _ in event.attempts:
                if accepted and verdict.event in FAILURES and job.task_name in self.by_name:
                    self._call(self.by_name[job.task_name], job, verdict)

    def _call(self, callback: Callable[..., Any], job: ClaimedJob, verdict: Verdict) -> None:
        error = JobFailed(job.job_id, JobStatus.FAILED, verdict.error_message, verdict.traceback)
        answer = callback(replace(Job.of(job), status=JobStatus.FAILED), error)
        if inspect.isawaitable(answer):
            calling = asyncio.ensure_future(answer)
            self._calling.add(calling)
            calling.add_done_callback(self._called)

    def _called(self, calling: asyncio.Future[Any]) -> None:
        self._calling.discard(calling)
        if not calling.cancelled() and (error := calling.exception()) is not None:
            log.error("on_failure failed", exc_info=error)

    async def calls_done(self) -> None:
        """Return when everybody has been told."""
        if self._calling:
            await asyncio.wait(set(self._calling))
