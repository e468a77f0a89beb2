"""Renews this worker's leases: one statement for all of them, from a thread that no job can block."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError
from pg_scheduler.domain.model import Lease
from pg_scheduler.engine.leases.home_loop import HomeLoop, HomeLoopClosed
from pg_scheduler.engine.leases.loop_thread import LoopThread
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
LAST_MOMENT = 3.0
"""Seconds that a connection in mid-statement gets to end when the keeper stops."""
SHORTEST_WAIT = 0.5
"""Seconds that a renewal is waited for at the least."""


class LeaseKeeper:
    """Renews at a third of the lease, and at once when poked.

    `on_lost(lease)` and `on_cancel(lease)` are called in the loop that started the keeper. With a driver
    that can open a dedicated connection the work is done in a thread with an event loop of its own, so
    that neither a blocked main loop nor an exhausted pool costs a lease. A main loop that is closed, or has
    been blocked for `max_blocked` leases, does: nobody would ever get its jobs.
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
        on_failure: Callable[[Exception], None] = lambda error: None,
        max_blocked: float = math.inf,
    ) -> None:
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
        self._on_failure = on_failure
        self._poked = asyncio.Event()
        self._main_loop: asyncio.AbstractEventLoop | None = None
        self._own_loop: asyncio.AbstractEventLoop | None = None

    async def renew_now(self, driver: Driver | None = None) -> RenewAnswer:
        """Renew every lease once; what was lost or should stop is reported."""
        sent_at = self._clock.monotonic()
        leases = self._active.leases()
        request = RenewRequest(self._worker_id, socket.gethostname(), os.getpid(), self._lease, leases)
        answer = await (driver or self._driver).jobs.renew(request, now=self._clock.pinned())
        self._active.renewed(sent_at)
        for lease in leases:
            if lease not in answer.held:
                self._tell(self._on_lost, lease)
            elif lease in answer.cancel_requested:
                self._tell(self._on_cancel, lease)
        return answer

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
        connection = _DedicatedConnection(driver, self._interval)
        assert self._main_loop is not None
        home = HomeLoop(self._main_loop, self._clock.monotonic, self._longest_block)

        async def renew() -> None:
            if home.lives():
                await connection.use(self.renew_now)

        try:
            await self._keep_with(renew)
        except HomeLoopClosed:
            pass  # nobody is left who could be told
        finally:
            await connection.close()

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


class _DedicatedConnection:
    """A driver on one connection, which is replaced if it does not answer in time.

    A connection that stopped responding cannot be closed immediately: the libraries first ask the server to
    cancel the statement, and wait. That happens in the background while the next connection renews.
    """

    def __init__(self, driver: Driver, patience: float) -> None:
        self._driver = driver
        self._patience = max(patience, SHORTEST_WAIT)
        self._given_up: set[asyncio.Task[None]] = set()

    async def use(self, what: Callable[[Driver], Awaitable[object]]) -> None:
        """Do it on the open driver.

        Raises:
            ConnectionLost: it took too long; from now on another driver is used.
        """
        doing = asyncio.ensure_future(self._on_open_driver(what))
        try:
            await asyncio.wait({doing}, timeout=self._patience)
            if doing.done():
                doing.result()
                return
        finally:
            if not doing.done():
                self._give_up(doing)
        raise ConnectionLost("a renewal was not answered in time")

    async def _on_open_driver(self, what: Callable[[Driver], Awaitable[object]]) -> None:
        driver = self._driver
        await driver.open()
        await what(driver)

    def _give_up(self, doing: asyncio.Future[None]) -> None:
        old, new = self._driver, self._driver.dedicated()
        assert new is not None, "a driver that is dedicated can make another"
        self._driver = new
        ending = asyncio.create_task(self._end(old, doing), name="pg_scheduler silent connection")
        self._given_up.add(ending)
        ending.add_done_callback(self._given_up.discard)

    async def _end(self, driver: Driver, doing: asyncio.Future[None]) -> None:
        doing.cancel()
        await asyncio.wait({doing})
        with suppress(DatabaseError):
            await driver.close()

    async def close(self) -> None:
        """Close the driver in use, and give what was given up a moment to end."""
        await self._driver.close()
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=LAST_MOMENT)
