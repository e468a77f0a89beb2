"""What people change while workers run."""

from __future__ import annotations

from typing import Protocol

from pg_scheduler.domain.workers import WishAnswer, WorkerWish


class Steering(Protocol):
    """Acts of an operator."""

    async def ask_worker(self, worker_id: str, wish: WorkerWish) -> WishAnswer:
        """Ask a worker to claim no more, to go on, or to stop. It hears of it at once where signals arrive,
        else with its next renewal (see `RenewAnswer.wish`)."""
        ...
