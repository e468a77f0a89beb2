"""Connecting on first use, with or without making the tables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from pg_scheduler.domain.errors import SchemaError
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.event_loops import LoopLock

MakeLock = Callable[[], AbstractAsyncContextManager[object]]


_WITHIN_TRANSACTION = (
    "the tables in schema {!r} are missing or not complete, and they are not made within your transaction: "
    "until it ends, every other process would wait. Make them before: `pgq db install`, or install() over a "
    "connection string"
)


class Opening:
    """Connects without creating tables, so that a client never leaves tables in the wrong database."""

    def __init__(self, driver: Driver, make_lock: MakeLock = LoopLock) -> None:
        self._driver = driver
        self._make_lock = make_lock
        self._lock: AbstractAsyncContextManager[object] | None = None

    async def open(self) -> None:
        """Make the driver ready. Idempotent, and safe from several tasks at once."""
        async with self._locked():
            await self._driver.open()

    async def open_for(self, connection: object) -> None:
        """Make the driver ready for a call on this connection of the caller's: without another one, if the
        tables are found from there. The caller's may be the only one that there is."""
        if not await self._driver.open_for(connection):
            await self.open()

    async def install(self) -> None:
        """Connect, and create, upgrade or heal the tables."""
        await self._driver.open()
        await self._driver.schema.install()

    async def uninstall(self) -> None:
        """Connect, and drop the tables, with every job."""
        await self._driver.open()
        await self._driver.schema.uninstall()

    def _locked(self) -> AbstractAsyncContextManager[object]:
        # Made on first use: a client may be made where no event loop runs yet.
        self._lock = self._lock or self._make_lock()
        return self._lock


class InstallingOpening(Opening):
    """Connects, and creates the tables if there are none; but never within a transaction of the caller's."""

    def __init__(self, driver: Driver, make_lock: MakeLock = LoopLock) -> None:
        super().__init__(driver, make_lock)
        self._installed = False

    async def open(self) -> None:
        """Make the driver ready, and the tables where they are missing or old.

        Raises:
            SchemaError: they would be made within a transaction of the caller's.
        """
        if self._installed:
            await self._driver.open()
            return
        async with self._locked():
            await self._driver.open()
            status = await self._driver.schema.status()
            # What is installed in a transaction of yours may be rolled back: believed once it is found.
            self._installed = status.current
            if not status.current:
                if status.within_transaction:
                    raise SchemaError(_WITHIN_TRANSACTION.format(status.schema))
                await self._driver.schema.install()

    async def uninstall(self) -> None:
        """Drop the tables; the next `open` makes them anew."""
        await super().uninstall()
        self._installed = False
