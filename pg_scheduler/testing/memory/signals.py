"""Wake-ups within this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.signals import Looked, Signal, SignalKind, by_kind, ignored
from pg_scheduler.testing.memory.state import MemoryState


class MemorySignals:
    """`Signals` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def listen(
        self,
        on_signal: Callable[[Signal], None],
        on_ready: Callable[[], None],
        on_looked: Callable[[Looked], None] = ignored,
    ) -> None:
        await _listen(self._state.listeners, by_kind(on_signal, on_looked), on_ready)

    async def tell_looked(self, looked: Looked) -> None:
        self._state.tell(looked)

    async def listen_finished(
        self, on_finished: Callable[[str, JobStatus], None], on_ready: Callable[[], None]
    ) -> None:
        await _listen(self._state.waiters, on_finished, on_ready)

    async def await_jobs(self, job_ids: Collection[str]) -> set[str]:
        rows = [self._state.jobs[job_id] for job_id in job_ids if job_id in self._state.jobs]
        for row in rows:
            if row.unfinished and not row.awaited:
                row.awaited = True
                self._state.signal(SignalKind.DUE if row.lane is None else SignalKind.LANE)
        return {row.job_id for row in rows if row.awaited}


async def _listen(
    listeners: list[Callable[..., None]], on_event: Callable[..., None], on_ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()

    def deliver(*event: Any) -> None:
        # As from a socket: later, and in the listener's own loop.
        if not loop.is_closed():
            loop.call_soon_threadsafe(on_event, *event)

    listeners.append(deliver)
    try:
        on_ready()
        await asyncio.Event().wait()
    finally:
        listeners.remove(deliver)
