"""Renews this worker's leases: one statement for all of them, from a thread that no job can block."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.workers import WorkerWish
from pg_scheduler.engine.claiming.likes import Likes
from pg_scheduler.engine.leases.dedicated_connection import DedicatedConnection
from pg_scheduler.engine.leases.home_loop import HomeLoop, HomeLoopClosed
from pg_scheduler.engine.leases.loop_thread import LoopThread
from pg_scheduler.engine.leases.renewal_paths import RenewalPaths
from pg_scheduler.engine.leases.worker_report import WorkerReport
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.service import keep_running
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewAnswer, RenewRequest

log: logging.Logger = logging.getLogger(__name__)

_T = TypeVar("_T")

RENEWALS_PER_LEASE = 3
"""Two renewals may fail before a lease ends: so none is waited for any longer than until the next is due."""
SHORTEST_WAIT = 0.5
"""Seconds that a renewal is waited for at the least."""


class LeaseKeeper:
    """Renews at a third of the lease, and at once when poked.

    `on_lost(lease)`, `on_cancel(lease)` and `on_wish(wish)`, the last with every renewal, are called in the
    loop that started the keeper. `report` is what the worker says of itself. With a driver
    that can open a dedicated connection the work is done in a thread with an event loop of its own, so
    that neither a blocked main loop nor an exhausted pool costs a lease. Where that connection cannot be had,
    leases are renewed over the scheduler's own driver, in the main loop. A main loop that is closed, or has
    been blocked for `max_blocked` leases, loses them: else nobody would ever get its jobs.
    """

    def __init__(
        self,
        *,
        driver: Driver,
        worker_id: str,
        clock: Clock,
        lease: timedelta,
        active: ActiveAttempts,
        on_lost: Callable[[Lease], None],
        on_cancel: Callable[[Lease], None],
        on_pass: Callable[[str], None],
        report: WorkerReport,
        on_wish: Callable[[WorkerWish], None] = lambda wish: None,
        on_failure: Callable[[Exception], None] = lambda error: None,
        max_blocked: float = math.inf,
        likes: Likes,
    ) -> None:
        self._likes = likes
        self._driver = driver
        self._worker_id = worker_id
        self._clock = clock
        self._lease = lease
        self._interval = lease.total_seconds() / RENEWALS_PER_LEASE
        self._longest_block = lease.total_seconds() * max_blocked
        self._active = active
        self._on_lost = on_lost
        self._on_cancel = on_cancel
        self._on_pass = on_pass
        self._report = report
        self._on_wish = on_wish
        self._on_failure = on_failure
        self._poked = asyncio.Event()
        self._main_loop: asyncio.AbstractEventLoop | None = None
        self._own_loop: asyncio.AbstractEventLoop | None = None

    async def renew_now(self, driver: Driver | None = None) -> RenewAnswer:
        """Renew every lease once; what was lost or should stop is reported."""
        sent_at = self._clock.monotonic()
        leases = self._active.leases()
        says, likes = replace(self._report.sign_of_life(), clock=self._clock.now()), self._likes.digest
        request = RenewRequest(
            self._worker_id, socket.gethostname(), os.getpid(), self._lease, leases, says, likes
        )
        answer = await (driver or self._driver).jobs.renew(request, now=self._clock.pinned())
        self._active.renewed(sent_at)
        self._likes.renewed(likes, answer.fleet)
        self._report.answered(says, answer.profile_missing)
        self._tell(self._on_wish, answer.wish)
        for lease in leases:
            if lease not in answer.held:
                self._tell(self._on_lost, lease)
            elif lease in answer.cancel_requested:
                self._tell(self._on_cancel, lease)
        return answer

    async def renew_overdue(self) -> None:
        """Renew now if the last renewal is that long ago that leases of attempts that live here may be over:
        whoever looks for jobs of silent workers must not take them for such."""
        if self._active.renewal_overdue(self._clock.monotonic()):
            await self.renew_now()

    def poke(self) -> None:
        """Renew now rather than at the next turn. From the loop that started the keeper."""
        if self._own_loop is not None:
            self._own_loop.call_soon_threadsafe(self._poked.set)
        else:
            self._poked.set()

    async def keep(self) -> None:
        """Renew until cancelled; in a thread where the driver allows it."""
        self._main_loop = asyncio.get_running_loop()
        dedicated = None if self._clock.pinned() else self._driver.dedicated()
        if dedicated is None:
            await self._keep_with(self._renew_in_time)
            return
        thread = LoopThread("pg_scheduler-lease-keeper", lambda: self._keep_dedicated(dedicated))
        thread.start()
        try:
            await thread.ended()
        finally:
            await thread.stop()
            self._own_loop = None

    async def _renew_in_time(self) -> None:
        try:
            async with asyncio.timeout(max(self._interval, SHORTEST_WAIT)):
                await self.renew_now()
        except TimeoutError:
            raise ConnectionLost("a renewal was not answered in time") from None

    async def _keep_dedicated(self, driver: Driver) -> None:
        self._poked = asyncio.Event()
        self._own_loop = asyncio.get_running_loop()
        patience = max(self._interval, SHORTEST_WAIT)
        connection = DedicatedConnection(driver, patience)
        paths = RenewalPaths(
            own=lambda: connection.use(self.renew_now),
            beside=self._renew_in_main_loop,
            patience=patience,
            at_risk=lambda: bool(self._active.leases()),
            lease=self._lease,
        )
        assert self._main_loop is not None
        home = HomeLoop(self._main_loop, self._clock.monotonic, self._longest_block)

        async def renew() -> None:
            if home.lives():
                await paths.renew()

        try:
            await self._keep_with(renew)
        except HomeLoopClosed:
            pass  # nobody is left who could be told
        finally:
            await connection.close()

    async def _renew_in_main_loop(self) -> None:
        if self._main_loop is None or self._main_loop.is_closed():
            raise ConnectionLost("the scheduler's event loop is closed")
        renewing = asyncio.run_coroutine_threadsafe(self.renew_now(), self._main_loop)
        await asyncio.wrap_future(renewing)

    async def _keep_with(self, renew: Callable[[], Awaitable[object]]) -> None:
        async def one_round() -> None:
            await renew()
            self._tell(self._on_pass, "lease keeper")
            await wait_at_most(self._poked, self._interval, self._clock)
            self._poked.clear()

        await keep_running(
            "lease keeper",
            one_round,
            self._clock,
            on_failure=lambda error: self._tell(self._on_failure, error),
            longest=self._interval / 2,
        )

    def _tell(self, what: Callable[[_T], None], about: _T) -> None:
        main_loop = self._main_loop
        if main_loop is None or self._own_loop is None:
            what(about)
            return
        try:
            main_loop.call_soon_threadsafe(what, about)
        except RuntimeError:
            raise HomeLoopClosed from None
