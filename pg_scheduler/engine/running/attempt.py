"""One execution of a job under a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
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


class Attempt:
    """The running attempt, seen by the engine. One is made for each job that runs, so what most attempts do
    not need is made when it is asked for."""

    __slots__ = (
        "_context",
        "_make_context",
        "_settled",
        "_waiter",
        "began",
        "claimed",
        "completion",
        "decided",
        "fenced_out",
        "job",
        "lease",
        "reason",
        "started",
        "task",
        "took",
        "verdict",
    )

    job: ClaimedJob
    claimed: float
    """Clock.monotonic() when its job came."""
    started: float
    """The same at its start: later if it had to wait for a slot."""
    lease: Lease
    """That of `job`."""
    began: bool
    """False while it waits for a slot, and if it never gets one."""
    task: asyncio.Task[None] | None
    """None before it begins and once it has ended: its task's context leads back here."""
    reason: StopReason | None
    """Why it is being stopped; the first reason given stands."""
    completion: Completion | None
    """What its function wrote in a transaction of its own, whether or not that was committed."""
    fenced_out: bool
    """True once the fence has refused to let its function complete the job."""
    decided: bool
    """True once a verdict is on its way; whatever the function does later changes nothing."""
    verdict: Verdict
    """That verdict, once it is decided."""
    took: float
    """Seconds from the start to the verdict, once it is decided."""

    def __init__(
        self, job: ClaimedJob, claimed: float, make_context: Callable[[ClaimedJob, Lease], JobContext]
    ) -> None:
        self.job = job
        self.lease = job.lease
        self.claimed = self.started = claimed
        self.task = self.reason = self.completion = None
        self.began = self.fenced_out = self.decided = self._settled = False
        self._make_context = make_context
        self._context: JobContext | None = None
        self._waiter: asyncio.Event | None = None

    @property
    def context(self) -> JobContext:
        """What its function can find out about itself; the same each time."""
        if self._context is None:
            self._context = self._make_context(self.job, self.lease)
        return self._context

    @property
    def stop_noticed(self) -> bool:
        """True if the function has read that it should stop."""
        return self._context is not None and self._context.stop_noticed

    def decide(self, verdict: Verdict, now: float) -> bool:
        """Whether this verdict is the one: the first is."""
        if self.decided:
            return False
        self.decided, self.verdict, self.took = True, verdict, now - self.started
        return True

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
