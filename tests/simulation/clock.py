"""A host's clock."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tests.simulation.network import Network


class HostClock:
    """Waits in virtual time. Its wall time may be wrong by any amount: no decision may hang on it."""

    def __init__(self, network: Network, wrong_by: timedelta = timedelta(0)) -> None:
        self._network = network
        self.wrong_by = wrong_by

    def pinned(self) -> datetime | None:
        """The store's time. The network gives each call the instant at which it arrives; this only says that
        time is not the machine's."""
        return self._network.store_time()

    def unpinned(self) -> UnpinnedClock:
        """For whoever leaves the time to the store, as services do in production."""
        return UnpinnedClock(self)

    def now(self) -> datetime:
        return self._network.store_time() + self.wrong_by

    def monotonic(self) -> float:
        return self._network.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))


class UnpinnedClock:
    """A host's clock, to somebody who does not know that time is virtual."""

    def __init__(self, clock: HostClock) -> None:
        self._clock = clock
        self.now = clock.now
        self.monotonic = clock.monotonic
        self.sleep = clock.sleep

    def pinned(self) -> None:
        """Decisions are left to the store's clock."""
