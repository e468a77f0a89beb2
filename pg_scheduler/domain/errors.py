"""Every error the library raises, split by who has to act.

::

    PgSchedulerError
    |-- InvalidInput (ValueError)            the caller: an argument is refused before any SQL
    |   |-- NotAsyncFunction (TypeError)     ... a plain function where an async one is needed
    |   |-- UnencodablePayload (TypeError)   ... an argument JSON cannot carry
    |   `-- TaskNameConflict                 ... two functions under one name
    |-- JobAlreadyExists (ValueError)        the caller: the id is taken and the resolution is RAISE
    |   `-- DuplicateJob                     ... an unfinished job has the dedupe key
    |-- JobNotFound (LookupError)            the caller: no such job
    |-- InvalidTransition (ValueError)       the caller: the state machine has no such step
    |-- SelectionChanged                     the caller: more jobs match by now than he has seen
    |-- AlreadyStarted (RuntimeError)        the caller: what it changes is fixed while a worker runs
    |-- ConfigurationError (ValueError)      the operator: the set-up cannot work as it stands
    |   `-- MissingDependency (ImportError)  ... a package has to be installed
    |-- SchemaError                          the operator: the tables are missing, foreign or too new
    |-- DatabaseError                        the database refused a statement
    |   |-- ConnectionLost (ConnectionError) ... it could not be reached; trying again may help
    |   `-- TransientDatabaseError           ... deadlock, serialization, timeout; trying again helps
    |       |-- DatabaseUnavailable          ... full, no privilege; helps once somebody has acted
    |       |   `-- ReadOnlyServer           ... a replica, or a primary that was replaced
    |       `-- QuestionTimedOut             ... a question took longer than it may
    |-- JobFailed                            the waiter: the job ended without a result
    |-- WaitTimeout (TimeoutError)           the waiter: the job has not ended yet
    `-- AttemptSignal                        control flow inside a running job
        |-- JobTimeout (TimeoutError)        the attempt ran longer than its timeout
        |-- JobCancelled                     somebody asked for the job to be cancelled
        |-- LeaseLost                        the attempt has lost its lease: its completion is refused
        |-- Snooze                           the job asks to be run again later
        `-- RetryAfter                       the attempt failed; the job says when to try again
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

SHOWN_AT_MOST = 100
"""Longest text of a refused value that stands in a message, in characters."""


def shown(value: object) -> str:
    """`value` as it may stand in a message: short, whatever its repr is or does."""
    try:
        text = repr(value)
    except Exception as broken:
        text = f"<{type(value).__qualname__} whose repr fails: {type(broken).__qualname__}>"
    return text if len(text) <= SHOWN_AT_MOST else f"{text[:SHOWN_AT_MOST]}..."


class PgSchedulerError(Exception):
    """Root of the tree above."""


class InvalidInput(PgSchedulerError, ValueError):
    """An argument was refused before any SQL was sent; the database is untouched."""

    def __init__(self, field: str, problem: str, fix: str = "") -> None:
        self.field = field
        self.problem = problem
        self.fix = fix
        super().__init__(f"{field}: {problem}" + (f". {fix}" if fix else ""))


class NotAsyncFunction(InvalidInput, TypeError):
    """A plain function was scheduled without asking for a thread or process executor; or a generator
    function, of which a call runs nothing."""

    FIX: ClassVar[str] = 'Declare it with "async def", or pass executor="thread" (or "process")'

    def __init__(self, described: str, fix: str = FIX) -> None:
        super().__init__("func", f"Expected an async function, got {described}", fix)


class UnencodablePayload(InvalidInput, TypeError):
    """An argument cannot be stored as JSON; `field` names where in the arguments it stands."""


class TaskNameConflict(InvalidInput):
    """Two different functions want one task name."""


class JobAlreadyExists(PgSchedulerError, ValueError):
    """The id is taken and the conflict resolution is RAISE; nothing was inserted."""

    def __init__(self, job_ids: Sequence[str]) -> None:
        self.job_ids: tuple[str, ...] = tuple(job_ids)
        shown = ", ".join(repr(job_id) for job_id in self.job_ids[:5])
        more = f" and {len(self.job_ids) - 5} more" if len(self.job_ids) > 5 else ""
        noun = "Job" if len(self.job_ids) == 1 else "Jobs"
        verb = "exists" if len(self.job_ids) == 1 else "exist"
        # The contract fixes the words "already exists"; both forms hold them for one job.
        super().__init__(
            f"{noun} {shown}{more} already {verb}. "
            "Use ConflictResolution.IGNORE to keep the stored job or REPLACE to update it"
        )


class DuplicateJob(JobAlreadyExists):
    """An unfinished job has the dedupe key; nothing of the call was stored."""

    def __init__(self, dedupe_keys: Sequence[str]) -> None:
        self.job_ids: tuple[str, ...] = ()
        self.dedupe_keys: tuple[str, ...] = tuple(dedupe_keys)
        listed = ", ".join(repr(key) for key in self.dedupe_keys[:5])
        more = f" and {len(self.dedupe_keys) - 5} more" if len(self.dedupe_keys) > 5 else ""
        PgSchedulerError.__init__(
            self,
            f"An unfinished job with dedupe key {listed}{more} already exists. "
            'Pass on_duplicate="ignore" to get the stored job\'s id instead',
        )


class JobNotFound(PgSchedulerError, LookupError):
    """No row has this id: it was never scheduled, or it was vacuumed."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"no job {job_id!r}: it was never scheduled here, or it was vacuumed")


class InvalidTransition(PgSchedulerError, ValueError):
    """The state machine has no such step for a job in this state."""

    def __init__(self, job_id: str, current: str, wanted: str) -> None:
        self.job_id = job_id
        self.current = current
        self.wanted = wanted
        super().__init__(f"job {job_id!r} is {current}: it cannot be set to {wanted}")


class SelectionChanged(PgSchedulerError):
    """More jobs match than whoever wants to change them has seen; nothing has changed."""

    def __init__(self, expected: int, found: int) -> None:
        self.expected = expected
        self.found = found
        """At least so many match."""
        super().__init__(
            f"{found} jobs or more match, {expected} did when it was decided: nothing was changed. Look again"
        )


class AlreadyStarted(PgSchedulerError, RuntimeError):
    """A setting was changed while a worker runs that was built with it; nothing has changed."""

    def __init__(self, setting: str) -> None:
        self.setting = setting
        super().__init__(
            f"{setting} cannot change while a worker runs. Set it before start(), or shut down first"
        )


class ConfigurationError(PgSchedulerError, ValueError):
    """A setting cannot work; the message says which and what would."""


class MissingDependency(ConfigurationError, ImportError):
    """A package that this feature needs is not installed."""


class SchemaError(PgSchedulerError):
    """The tables are missing, belong to something else, or are newer than this code."""


class DatabaseError(PgSchedulerError):
    """The database refused a statement. `sqlstate` is its five-character code, if it sent one."""

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"{message} [{sqlstate}]" if sqlstate else message)


class ConnectionLost(DatabaseError, ConnectionError):
    """The database could not be reached, or the connection broke under a statement."""


class TransientDatabaseError(DatabaseError):
    """A passing refusal (deadlock, serialization failure, timeout): try again."""


class DatabaseUnavailable(TransientDatabaseError):
    """The server is reachable but cannot execute the statement at present: its disk is full, it is
    read-only, or a privilege is missing. Retrying helps once somebody has fixed that; no verdict is dropped
    because of it."""


class ReadOnlyServer(DatabaseUnavailable):
    """The server that answered accepts no writes: it is a replica, or was the primary until another took
    over. The connection is dropped, and the next one is made anew: where the connection string names all
    servers, with ``target_session_attrs=read-write``, it leads to the one that accepts writes."""


class QuestionTimedOut(TransientDatabaseError):
    """The database did not answer a question in the time that it was given, and was told to stop."""

    def __init__(self, limit: timedelta) -> None:
        self.limit = limit
        super().__init__(
            f"the database did not answer within {limit.total_seconds():g} s, and was told to stop. It is "
            "busy, or reads more than it should: ask for less, or see what `pgq doctor` says"
        )


class JobFailed(PgSchedulerError):
    """The awaited job ended without a result; carries the remote traceback's text."""

    def __init__(self, job_id: str, status: str, error: str | None, traceback: str | None) -> None:
        self.job_id = job_id
        self.status = status
        self.error = error
        self.traceback = traceback
        text = f"job {job_id!r} ended {status}" + (f": {error}" if error else "")
        super().__init__(f"{text}\n{traceback}" if traceback else text)


class WaitTimeout(PgSchedulerError, TimeoutError):
    """The awaited job has not finished within the timeout of the wait; the job itself continues."""


class AttemptSignal(PgSchedulerError):
    """Control flow inside a running job."""


class JobTimeout(AttemptSignal, TimeoutError):
    """The attempt ran longer than its timeout and was stopped; it counts as a failure."""

    def __init__(self, timeout: timedelta) -> None:
        self.timeout = timeout
        super().__init__(f"the attempt ran longer than its timeout of {timeout.total_seconds():g} s")


class JobCancelled(AttemptSignal):
    """Raised inside a job by `JobContext.raise_if_cancelled()` once it was asked to stop."""


class LeaseLost(AttemptSignal):
    """Raised by `complete_in()`: the job is not this attempt's any more, so nothing was written. Let it end
    your transaction: what the attempt did is rolled back, and whoever has the job now does it."""

    def __init__(self, job_id: str, epoch: int) -> None:
        self.job_id = job_id
        self.epoch = epoch
        super().__init__(
            f"job {job_id!r} is no longer run under epoch {epoch}: its lease was lost, or it was ended or "
            "replaced. Roll back"
        )


class Snooze(AttemptSignal):
    """Raise it inside a job to be run again after `delay`; no attempt and no retry is used up."""

    def __init__(self, delay: timedelta) -> None:
        self.delay = delay
        super().__init__(f"run again in {delay.total_seconds():g} s")


class RetryAfter(AttemptSignal):
    """Raise it inside a job, ``raise RetryAfter(delay) from error``, to count this attempt as failed and be
    tried again after `delay`, whatever the job's own retries are."""

    def __init__(self, delay: timedelta) -> None:
        self.delay = delay
        super().__init__(f"failed; to be tried again in {delay.total_seconds():g} s")
