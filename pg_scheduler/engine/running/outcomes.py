"""Turns what a function did into an outcome, and an outcome into a verdict."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace
from typing import Any

from pg_scheduler.domain.errors import JobCancelled, JobTimeout, LeaseLost, UnencodablePayload
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import (
    MAX_MESSAGE,
    RETURNED,
    Interrupted,
    Outcome,
    Raised,
    Returned,
    Stopped,
    Verdict,
    decide,
    describe_error,
    storable,
)
from pg_scheduler.engine.running.attempt import Attempt, StopReason
from pg_scheduler.engine.tasks.registry import Task
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.executor import UnserializableResult

log: logging.Logger = logging.getLogger(__name__)


def outcome_of_error(attempt: Attempt, task: Task, error: BaseException) -> Outcome:
    """What an exception means depends on whether, and why, the attempt was being stopped."""
    if isinstance(error, LeaseLost) and attempt.fenced_out:
        return Interrupted()
    stopped = isinstance(error, asyncio.CancelledError | JobCancelled)
    match attempt.reason:
        case StopReason.TIMEOUT:
            timeout = attempt.job.timeout or task.timeout
            assert timeout is not None
            late = JobTimeout(timeout)
            late.__cause__ = error
            return Raised(late)
        case StopReason.CANCEL:
            return Stopped()
        case StopReason.SHUTDOWN | StopReason.LEASE_LOST | StopReason.LOCK_LOST if stopped:
            return Interrupted()
    if isinstance(error, asyncio.CancelledError):
        # Something within the function was cancelled: a failure like any other, not an exit.
        unasked = RuntimeError("cancelled from within: nobody asked the job to stop")
        unasked.__cause__ = error
        return Raised(unasked)
    return Raised(error)


def outcome_of_result(attempt: Attempt, result: Any, codec: Codec) -> Returned:
    """The result as it is stored, if the job asked to keep it."""
    if not attempt.job.store_result:
        return RETURNED
    # The work is done; a result that cannot be kept must not make it run again.
    try:
        if isinstance(result, UnserializableResult):
            reason = result.reason
        else:
            return Returned(codec.encode_result(result))
    except UnencodablePayload as error:
        reason = str(error)
    except BaseException as error:
        # The attributes of a result are its author's code, and so may the codec be.
        reason = describe_error(error)[0]
    return Returned(note=storable(f"result not stored: {reason}", MAX_MESSAGE))


def verdict_on(outcome: Outcome, job: ClaimedJob, policy: RetryPolicy) -> Verdict:
    """The verdict; a failure where it cannot be found, because an exception's class or a delay is broken."""
    try:
        return decide(outcome, job, policy, random.random())
    except Exception as error:
        log.exception(
            "job %r: its outcome could not be judged; it fails", job.job_id, extra={"job_id": job.job_id}
        )
        message, trace = describe_error(error)
        return Verdict(JobEvent.FAIL, None, f"the outcome could not be judged: {message}", trace)


def with_retries_of(job: ClaimedJob, task: Task | None) -> ClaimedJob:
    """The job with the retries that its task gives to each."""
    if task is None or task.max_retries <= job.max_retries:
        return job
    return replace(job, max_retries=task.max_retries)
