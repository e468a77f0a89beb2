"""Outcome in, verdict out: the one place that decides what an attempt does to its job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from pg_scheduler.domain.failures import Failure, failure_of
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.retry import MAX_DELAY, RetryPolicy
from pg_scheduler.domain.states import JobEvent


@dataclass(frozen=True, slots=True)
class Returned:
    """The task returned. `result` is JSON text if the job asked to keep it; `note` says why it could not
    be kept."""

    result: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """The task raised, timed out, could not be decoded or killed its worker process."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Stopped:
    """The task ended because it was asked to be cancelled."""

    message: str = "cancelled on request"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The worker ended the attempt for its own reasons (shutdown): nothing counts against the job."""

    begun: bool = True
    """False if its job was claimed, but nothing was done for it: it is as if nobody had claimed it."""


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The task asked to be run again later."""

    delay: timedelta
    recorded: bool = True
    """False for one that has not begun: the history is about attempts that did something."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """The task failed with an error and says itself when to try again."""

    error: BaseException
    delay: timedelta


RETURNED = Returned()
"""The outcome of nearly every attempt: it returned, and nobody asked for the result to be kept."""

Outcome = Returned | Raised | Stopped | Interrupted | Snoozed | Postponed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the store must do: `event` names a row of the transition table."""

    event: JobEvent
    delay: timedelta | None = None
    """For RETRY and SNOOZE: how long after the settlement the job is due again."""
    error_message: str | None = None
    traceback: str | None = None
    result: str | None = None
    failure: Failure | None = None
    """What kind of failure it is, where the attempt failed."""
    recorded: bool = True
    """False leaves the attempt out of the history; one of a superseded version stands there always."""

    @property
    def unclaims(self) -> bool:
        """True if the attempt has not begun: a job without history is as if it had never been claimed."""
        return self.event is JobEvent.RELEASE and not self.recorded


COMPLETED = Verdict(JobEvent.COMPLETE)
"""The verdict on `RETURNED`."""


class Settlement(NamedTuple):
    """A verdict together with the lease that entitles its writer to apply it."""

    job_id: str
    epoch: int
    worker_id: str
    verdict: Verdict


def decide(outcome: Outcome, job: ClaimedJob, policy: RetryPolicy, randomness: float) -> Verdict:
    """The verdict on an attempt of `job`. `randomness` in [0, 1) feeds the policy's jitter."""
    match outcome:
        case Returned(None, None):
            return COMPLETED
        case Returned(result, note):
            return Verdict(JobEvent.COMPLETE, error_message=note, result=result)
        case Stopped(message):
            return Verdict(JobEvent.CONFIRM_CANCEL, error_message=message)
        case Interrupted(begun):
            return Verdict(JobEvent.RELEASE, recorded=begun)
        case Snoozed(delay, recorded):
            # A delay past the end of dates could not be stored, and the job has to be given back.
            delay = min(max(delay, timedelta(0)), MAX_DELAY)
            return Verdict(JobEvent.SNOOZE, delay=delay, recorded=recorded)
        case Postponed(error, delay):
            message, trace = describe_error(error)
            return Verdict(JobEvent.RETRY, min(max(delay, timedelta(0)), MAX_DELAY), message, trace)
        case Raised(error):
            message, trace = describe_error(error)
            if job.retry_count < job.max_retries and policy.wants_retry(error):
                backoff = job.backoff or policy
                delay = backoff.delay(job.retry_count + 1, randomness)
                return Verdict(JobEvent.RETRY, delay, message, trace)
            failure = failure_of(error, trace, job.task_name)
            return Verdict(JobEvent.FAIL, None, message, trace, failure=failure)


MAX_MESSAGE, MAX_TRACEBACK = 2_000, 50_000
"""Longest error text and traceback stored, in characters; longer ones lose their middle."""


def describe_error(error: BaseException) -> tuple[str, str]:
    """Message and traceback as text that can be stored, whatever the exception does when asked."""
    import traceback

    # BaseException: an exception's own methods are its author's code, and sys.exit() in one ends no worker.
    # A subclass of str has methods of its own too, so only its text is taken.
    name = type(error).__qualname__
    try:
        message = str.__str__(str(error))
    except BaseException as broken:
        message = f"(its message cannot be read: {type(broken).__qualname__})"
    try:
        trace = str.__str__("".join(traceback.format_exception(error)))
    except BaseException as broken:
        trace = f"(its traceback cannot be formatted: {type(broken).__qualname__})"
    return storable(f"{name}: {message}" if message else name, MAX_MESSAGE), storable(trace, MAX_TRACEBACK)


def storable(text: str, limit: int) -> str:
    """`text` without what PostgreSQL's text type refuses (NUL, lone surrogates), cut in the middle."""
    # Escaped first: what is left out does not grow the text again.
    text = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
