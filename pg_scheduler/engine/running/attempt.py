"""One execution of a job under a lease."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from pg_scheduler.domain.model import ClaimedJob, Lease
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.ports.job_context import JobContext


class StopReason(StrEnum):
    """Why an attempt is being stopped from outside."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    LEASE_LOST = "lease lost"
    LOCK_LOST = "lock lost"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion in a transaction of the job's function."""

    verdict: Verdict
    token: str
    """The store tells by it what became of the transaction."""


@dataclass(eq=False, slots=True)
class Attempt:
    """The running attempt, seen by the engine."""

    job: ClaimedJob
    context: JobContext
    started: float
    """Clock.monotonic() at its start."""
    lease: Lease
    """That of `job`."""
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    reason: StopReason | None = None
    """Why it is being stopped; the first reason given stands."""
    completion: Completion | None = None
    """What its function wrote in a transaction of its own, whether or not that was committed."""
    fenced_out: bool = False
    """True once the fence has refused to let its function complete the job."""
    decided: bool = False
    """True once a verdict is on its way; whatever the function does later changes nothing."""
    _settled: bool = False
    _waiter: asyncio.Event | None = field(default=None, repr=False)
    """Made when somebody waits, which is rare: an event for each attempt would cost more than the rest of
    this object."""

    def note_settled(self) -> None:
        """The store has answered the verdict."""
        self._settled = True
        if self._waiter is not None:
            self._waiter.set()

    async def wait_settled(self) -> None:
        """Return once the store has answered the verdict."""
        if not self._settled:
            self._waiter = self._waiter or asyncio.Event()
            await self._waiter.wait()

    def stop(self, reason: StopReason) -> None:
        """Ask the attempt to end. Again, if need be: code that swallowed one request gets another."""
        self.reason = self.reason or reason
        self.context.request_stop()
        if self.task is not None:
            self.task.cancel()

    def abandon(self) -> None:
        """Wait no longer for a function that does not end: the job is settled without it."""
        self.context.abandon()
        if self.task is not None:
            self.task.cancel()
