"""What people change while workers run, and who did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pg_scheduler.domain.acts import Action, Batch, ChosenJob
    from pg_scheduler.domain.audit import Actor, AuditRecord
    from pg_scheduler.domain.workers import WishAnswer, WorkerWish


class Steering(Protocol):
    """Acts of an operator."""

    async def ask_worker(
        self, worker_id: str, wish: WorkerWish, *, now: datetime | None = None, by: Actor | None = None
    ) -> WishAnswer:
        """Ask a worker to claim no more, to go on, or to stop. It hears of it at once where signals arrive,
        else with its next renewal (see `RenewAnswer.wish`)."""
        ...

    async def change(
        self,
        jobs: Sequence[ChosenJob],
        action: Action,
        *,
        now: datetime | None = None,
        by: Actor | None = None,
        selection: str | None = None,
        audit_id: int | None = None,
    ) -> Batch:
        """Do something to stored jobs, as far as they are still what they were when they were chosen; what
        each met. It waits for nobody: what somebody's open transaction holds is left to it.

        Args:
            by: who does it; it is written down in the same transaction, together with the ids.
            selection: by what the jobs were chosen, as JSON, for the record.
            audit_id: the record of which this is a further part.
        """
        ...

    async def audit(self, *, since: datetime | None = None, limit: int = 100) -> list[AuditRecord]:
        """At most so many acts that changed something by somebody's hand, the latest first. An act and its
        record are stored together, or neither is."""
        ...
