"""What this worker says of itself with each renewal of its leases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from pg_scheduler.domain.queues import QueueGroup
from pg_scheduler.domain.version import VERSION
from pg_scheduler.domain.workers import SignOfLife, WorkerProfile, WorkerState
from pg_scheduler.engine.worker_settings import WorkerSettings


class WorkerReport:
    """Says what the worker knows once, and again where that has changed or the store has forgotten it: the
    names of thousands of tasks must not travel with every renewal.

    `known_names` is called in the worker's event loop; the rest may be called in any thread.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        known_names: Callable[[], Collection[str]],
        listening: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._known_names = known_names
        self._listening = listening
        self._profile: WorkerProfile | None = None
        self._stored: WorkerProfile | None = None
        self._changed = asyncio.Event()
        self._changed.set()
        self.state: WorkerState = WorkerState.WORKING

    def look_again(self) -> None:
        """Tasks may have become known."""
        self._changed.set()

    async def one_round(self) -> None:
        """Wait for a change and note it; the next renewal says it."""
        await self._changed.wait()
        self._changed.clear()
        self.describe()

    def describe(self) -> None:
        """Note what the worker knows now."""
        settings = self._settings
        self._profile = WorkerProfile(
            task_names=tuple(sorted(self._known_names())),
            chosen=None if settings.only is None else tuple(sorted(settings.only)),
            queues=_slots(settings.queues),
            capacity=settings.capacity,
            app_version=settings.app_version,
            library_version=VERSION,
        )

    def sign_of_life(self) -> SignOfLife:
        """What the next renewal says."""
        profile = self._profile
        unsaid = profile if profile != self._stored else None
        return SignOfLife(self.state, self._listening(), unsaid)

    def answered(self, sent: SignOfLife, profile_missing: bool) -> None:
        """A renewal that said so was answered."""
        if profile_missing:
            self._stored = None
        elif sent.profile is not None:
            self._stored = sent.profile


def _slots(groups: Collection[QueueGroup]) -> dict[str, int | None] | None:
    """Slots by queue, None for those that share what the others leave."""
    slots: dict[str, int | None] = {}
    for group in groups:
        if group.queues is None:
            return None
        slots |= dict.fromkeys(sorted(group.queues), group.slots)
    return slots
