"""What a running job can find out about itself, including a request to stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pg_scheduler.domain.errors import InvalidInput, JobCancelled, shown
from pg_scheduler.domain.inputs import is_finite_number
from pg_scheduler.domain.model import Lease, Progress
from pg_scheduler.domain.queues import DEFAULT_QUEUE


class JobHost(Protocol):
    """What serves running attempts. They are named by their leases: a context that knew its attempt, which
    knows it, would be garbage that only Python's collector finds, one for each job."""

    def report(self, lease: Lease, progress: Progress) -> None:
        """Take a report of progress; from any thread."""
        ...

    async def complete(self, lease: Lease, connection: Any, result: Any) -> None:
        """See `JobContext.complete_in`."""
        ...

    def decode_headers(self, headers: str) -> dict[str, Any]:
        """Stored headers as they were given."""
        ...


@dataclass(slots=True)
class JobContext:
    """The running attempt, seen from inside. Get it with `current_job()`; safe to use from threads."""

    job_id: str
    task_name: str
    attempt: int
    """1 for the first start."""
    retry_count: int
    max_retries: int
    execution_time: datetime
    """When the job was due."""
    queue: str = DEFAULT_QUEUE
    _stop_requested: bool = field(default=False, repr=False)
    _noticed: bool = field(default=False, repr=False)
    _abandoned: bool = field(default=False, repr=False)
    _host: JobHost | None = field(default=None, repr=False)
    _lease: Lease | None = field(default=None, repr=False)
    _owner: object = field(default=None, repr=False)
    _headers: str | None = field(default=None, repr=False)

    @property
    def owner(self) -> object:
        """The scheduler whose worker runs this job; None in a context that no worker made. Typed:
        `pg_scheduler.current_scheduler()`."""
        return self._owner

    @property
    def headers(self) -> dict[str, Any]:
        """What was given as `headers` when the job was stored; empty if nothing was."""
        if self._headers is None or self._host is None:
            return {}
        return self._host.decode_headers(self._headers)

    @property
    def headers_text(self) -> str | None:
        """The headers as they are stored. For executors."""
        return self._headers

    @property
    def cancel_called(self) -> bool:
        """True once the job should stop: it was cancelled, timed out, lost its lease or the worker is
        shutting down. A sync function that reads True here and then returns is recorded as stopped; one
        that never looks is recorded as completed, because that is what happened."""
        requested = self._stop_requested
        self._noticed = self._noticed or requested
        return requested

    def raise_if_cancelled(self) -> None:
        """End the function here if it should stop.

        Raises:
            JobCancelled: it should.
        """
        if self.cancel_called:
            raise JobCancelled(f"job {self.job_id!r} was asked to stop")

    def progress(self, done: float, total: float | None = None) -> None:
        """Say how far the job got: ``context.progress(3, 10)``. The handle and `pgq jobs show` tell it within
        about a second. Calling it often costs nothing: only the latest word is stored.

        Raises:
            InvalidInput: not finite numbers.
        """
        if not is_finite_number(done):
            raise InvalidInput("done", f"expected a number, got {shown(done)}")
        if total is not None and not is_finite_number(total):
            raise InvalidInput("total", f"expected a number or None, got {shown(total)}")
        if self._host is not None and self._lease is not None:
            self._host.report(self._lease, Progress(float(done), None if total is None else float(total)))

    async def complete_in(self, connection: Any, result: Any = None) -> None:
        """Complete this job in your own transaction: what you wrote in it and the completion are committed
        together, or neither is. Make it the last statement of the transaction, and return when that is
        committed. If it is rolled back, the job has not been completed by this call.

        Args:
            connection: as of `Scheduler.schedule`, with a
                transaction open.
            result: what the job returns, if it was asked to keep that; what the function returns later
                counts for nothing.

        Raises:
            LeaseLost: the job is not this attempt's any more. Let it roll your transaction back.
            InvalidTransition: this attempt has completed the job already.
            InvalidInput: no such connection, no transaction, or a result that cannot be stored.
        """
        if self._host is None or self._lease is None:
            raise RuntimeError("no worker runs this job: complete_in() needs one")
        await self._host.complete(self._lease, connection, result)

    def request_stop(self) -> None:
        """Tell the function that it should stop. The engine calls this; tests may."""
        self._stop_requested = True

    def abandon(self) -> None:
        """Nobody waits for the function's end any more: its job is settled without it. For the engine."""
        self._abandoned = True

    @property
    def abandoned(self) -> bool:
        """True once an executor may leave a function that does not end to itself."""
        return self._abandoned

    @property
    def stop_noticed(self) -> bool:
        """True if the function has read `cancel_called` as True."""
        return self._noticed


class HasContext(Protocol):
    """What can tell the context of a job, made when somebody asks: most functions never do."""

    @property
    def context(self) -> JobContext:
        """The same each time."""
        ...


_current: ContextVar[HasContext | None] = ContextVar("pg_scheduler_current_job", default=None)


def current_job() -> JobContext:
    """The context of the job that runs here (async code and threads of the thread executor alike).

    Raises:
        LookupError: no job runs here.
    """
    context = context_of_running_job()
    if context is None:
        raise LookupError("no job is running here: current_job() works inside a task only")
    return context


def context_of_running_job() -> JobContext | None:
    """As `current_job()`; None if no job runs here."""
    running = _current.get()
    return None if running is None else running.context


def runs_here(job_id: str) -> bool:
    """True if it is this very job whose code is running."""
    context = context_of_running_job()
    return context is not None and context.job_id == job_id


@dataclass(frozen=True, slots=True)
class _Running:
    context: JobContext


@contextmanager
def running_as(context: JobContext) -> Iterator[None]:
    """Within the block `current_job()` is this one. For executors."""
    token = _current.set(_Running(context))
    try:
        yield
    finally:
        _current.reset(token)


def enter_job(running: HasContext) -> None:
    """Make its context the one that `current_job()` finds in this asyncio task. For the engine."""
    _current.set(running)
