"""Acts of an operator in memory."""

from __future__ import annotations

from dataclasses import replace

from pg_scheduler.domain.workers import WishAnswer, WorkerWish
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.state import MemoryState


class MemorySteering:
    """`Steering` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def ask_worker(self, worker_id: str, wish: WorkerWish) -> WishAnswer:
        known = self._state.workers.get(worker_id)
        if known is None:
            return WishAnswer.UNKNOWN
        if known.wish is wish:
            return WishAnswer.UNCHANGED
        self._state.workers[worker_id] = replace(known, wish=wish)
        self._state.signal(SignalKind.WORKER)
        return WishAnswer.CHANGED
