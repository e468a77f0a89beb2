"""The connection over which leases alone are renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError
from pg_scheduler.ports.driver import Driver

LAST_MOMENT = 3.0
"""Seconds that a connection in mid-statement gets to end when the keeper stops."""


class DedicatedConnection:
    """A driver on one connection, which is replaced if it does not answer in time.

    A connection that stopped responding cannot be closed immediately: the libraries first ask the server to
    cancel the statement, and wait. That happens in the background while the next connection renews.
    """

    def __init__(self, driver: Driver, patience: float) -> None:
        self._driver = driver
        self._patience = patience
        self._given_up: set[asyncio.Task[None]] = set()

    async def use(self, what: Callable[[Driver], Awaitable[object]]) -> None:
        """Do it on the open driver.

        Raises:
            ConnectionLost: it took too long; from now on another driver is used.
        """
        doing = asyncio.ensure_future(self._on_open_driver(what))
        doing.add_done_callback(_heard)
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


def _heard(doing: asyncio.Future[None]) -> None:
    """Ask how it ended: where its caller is gone by then nobody else does, and Python complains."""
    if not doing.cancelled():
        doing.exception()
