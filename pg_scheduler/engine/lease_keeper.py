"""Keeps this worker's leases alive: one statement for all of them, from a place that no job can block."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from pg_scheduler.domain.model import Lease
from pg_scheduler.engine.active import ActiveAttempts
from pg_scheduler.engine.loop_thread import LoopThread
from pg_scheduler.engine.service import MAX_PAUSE, keep_running
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import Driver, RenewAnswer, RenewRequest

log = logging.getLogger("pg_scheduler.lease keeper")

_T = TypeVar("_T")

RENEWALS_PER_LEASE = 3
"""Two renewals may fail before a lease ends."""


class LeaseKeeper:
    """Renews at a third of the lease, and at once when poked.

    `on_lost(lease)` and `on_cancel(lease)` are called in the loop that started the keeper. With a driver
    that can open a dedicated connection the work is done in a thread with an event loop of its own, so
    that neither a blocked main loop nor an exhausted pool costs a lease.
    """

    def __init__(
        self,
        driver: Driver,
        worker_id: str,
        clock: Clock,
        lease: timedelta,
        active: ActiveAttempts,
        on_lost: Callable[[Lease], None],
        on_cancel: Callable[[Lease], None],
        on_pass: Callable[[str], None],
    ) -> None:
        self._driver = driver
        self._worker_id = worker_id
        self._clock = clock
        self._lease = lease
        self._active = active
        self._on_lost = on_lost
        self._on_cancel = on_cancel
        self._on_pass = on_pass
        self._poked = asyncio.Event()
        self._home: asyncio.AbstractEventLoop | None = None
        self._away: asyncio.AbstractEventLoop | None = None

    async def renew_now(self, driver: Driver | None = None) -> RenewAnswer:
        """Renew every lease once; what was lost or should stop is reported."""
        leases = self._active.leases()
        request = RenewRequest(self._worker_id, socket.gethostname(), os.getpid(), self._lease, leases)
        answer = await (driver or self._driver).renew(request, now=self._clock.pinned())
        for lease in leases:
            if lease not in answer.held:
                self._tell(self._on_lost, lease)
            elif lease in answer.cancel_requested:
                self._tell(self._on_cancel, lease)
        return answer

    def poke(self) -> None:
        """Renew now rather than at the next turn. From the loop that started the keeper."""
        if self._away is not None:
            self._away.call_soon_threadsafe(self._poked.set)
        else:
            self._poked.set()

    async def keep(self) -> None:
        """Renew until cancelled; in a thread where the driver allows it."""
        self._home = asyncio.get_running_loop()
        dedicated = None if self._clock.pinned() else self._driver.dedicated()
        if dedicated is None:
            await self._keep_with(self._driver)
            return
        thread = LoopThread("pg_scheduler-lease-keeper", lambda: self._keep_dedicated(dedicated))
        thread.start()
        try:
            await thread.ended()
        finally:
            await thread.stop()
            self._away = None

    async def _keep_dedicated(self, driver: Driver) -> None:
        self._poked = asyncio.Event()
        self._away = asyncio.get_running_loop()
        try:
            await self._keep_with(driver)
        finally:
            await driver.close()

    async def _keep_with(self, driver: Driver) -> None:
        async def one_round() -> None:
            await driver.open()
            await self.renew_now(driver)
            self._tell(self._on_pass, "lease keeper")
            interval = self._lease.total_seconds() / RENEWALS_PER_LEASE
            await wait_at_most(self._poked, interval, self._clock)
            self._poked.clear()

        # After an outage reclaimers wait for half a lease: who lives has renewed by then.
        longest_pause = min(MAX_PAUSE, self._lease.total_seconds() / 6)
        await keep_running("lease keeper", one_round, self._clock, longest_pause=longest_pause)

    def _tell(self, what: Callable[[_T], None], about: _T) -> None:
        home = self._home
        if home is None or self._away is None:
            what(about)
        elif not home.is_closed():
            home.call_soon_threadsafe(what, about)
