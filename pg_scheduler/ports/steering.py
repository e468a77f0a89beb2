"""What people change while workers run, and who did."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

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

    async def audit(self, *, since: datetime | None = None, limit: int = 100) -> list[AuditRecord]:
        """At most so many acts that changed something by somebody's hand, the latest first. An act and its
        record are stored together, or neither is."""
        ...
