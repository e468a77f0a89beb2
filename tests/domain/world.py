"""One job as the explorer sees it: the row, who believes to run it, and what really happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pg_scheduler.domain.states import JobStatus

MAX_CRASHES = 2
FAR = 3
"""An attempt that lags this many epochs behind the row is as stale as one can be."""

Attempt = tuple[str, int]
"""Worker and epoch."""


@dataclass(frozen=True, slots=True)
class World:
    """The row, the attempts, and what only the observer knows."""

    status: JobStatus = JobStatus.PENDING
    epoch: int = 0
    owner: str | None = None
    lease_over: bool = False
    superseded: bool = False
    cancel_asked: bool = False
    crashes: int = 0
    started: bool = False
    attempts: frozenset[Attempt] = frozenset()
    latest_claim: Attempt | None = None
    """Observer: who claimed last, and with which epoch."""
    new_version_waits: bool = False
    """Observer: the definition was replaced under a running attempt and nobody took that back."""
    cancel_wanted: bool = False
    """Observer: a running job was asked to stop, and not defined anew since."""

    def fingerprint(self) -> tuple[object, ...]:
        """Equal for worlds with equal futures."""

        def behind(epoch: int) -> int:
            return min(FAR, self.epoch - epoch)

        return (
            self.status,
            self.owner,
            self.lease_over,
            self.superseded,
            self.cancel_asked,
            self.crashes,
            self.started,
            frozenset((worker, behind(epoch)) for worker, epoch in self.attempts),
            self.latest_claim and (self.latest_claim[0], behind(self.latest_claim[1])),
            self.new_version_waits,
            self.cancel_wanted,
        )

    def anew(self, status: JobStatus = JobStatus.PENDING) -> World:
        """Submitted or reopened: no counters, no owner, and no earlier attempt may write."""
        return replace(
            self,
            status=status,
            epoch=self.epoch + 1,
            owner=None,
            lease_over=False,
            superseded=False,
            cancel_asked=False,
            crashes=0,
            started=False,
            new_version_waits=False,
            cancel_wanted=False,
        )

    def stored_anew(self, first_epoch: Callable[[int | None], int]) -> World:
        """A new row under the id of one that is deleted; of its claims the attempts alone know."""
        return World(epoch=first_epoch(self.epoch), attempts=self.attempts)

    def left(self, status: JobStatus) -> World:
        """Out of an attempt's hands."""
        return replace(self, status=status, owner=None, lease_over=False, superseded=False)
