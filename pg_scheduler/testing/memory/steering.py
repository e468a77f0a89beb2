"""Acts of an operator in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pg_scheduler.domain.audit import Actor, AuditRecord
from pg_scheduler.domain.workers import ACTS, WishAnswer, WorkerWish
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.memory.state import MemoryState, moment_of


class MemorySteering:
    """`Steering` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def ask_worker(
        self, worker_id: str, wish: WorkerWish, *, now: datetime | None = None, by: Actor | None = None
    ) -> WishAnswer:
        known = self._state.workers.get(worker_id)
        if known is None:
            return WishAnswer.UNKNOWN
        if known.wish is wish:
            return WishAnswer.UNCHANGED
        self._state.workers[worker_id] = replace(known, wish=wish)
        self._state.note_act(by, ACTS[wish], worker_id, 1, moment_of(now))
        self._state.signal(SignalKind.WORKER)
        return WishAnswer.CHANGED

    async def audit(self, *, since: datetime | None = None, limit: int = 100) -> list[AuditRecord]:
        found = [record for record in self._state.audit if since is None or record.at >= since]
        return found[::-1][:limit]
