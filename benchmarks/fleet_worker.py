"""Many workers in one process: ``python -m benchmarks.fleet_worker SETTINGS`` (see `progress`).

Each is a scheduler with an identity, services and slots of its own. They share what costs no transactions:
one pool of connections, and one that listens for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from benchmarks import loop
from benchmarks.progress import say, wait_for_line
from pg_scheduler import Scheduler, task
from pg_scheduler.db import driver_over
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import Looked, Signal, ignored

LANE = 3
STARTS: list[tuple[int, float, float]] = []
"""Of each job its number, when it started and when it ended, as Unix time."""


async def note(number: int, lasting: float = 0.0) -> None:
    """Say when this job started."""
    began = time.time()
    if lasting:
        await asyncio.sleep(lasting)
    STARTS.append((number, began, time.time()))


@task(concurrency_limit=LANE)
async def limited(number: int, lasting: float = 0.0) -> None:
    """The same, so many at once for each key in the whole fleet."""
    await note(number, lasting)


class SharedSignals:
    """One listening connection for all workers of this process."""

    def __init__(self, driver: Driver) -> None:
        self._real = driver.signals
        self._listeners: list[tuple[Callable[[Signal], None], Callable[[Looked], None]]] = []
        self.ready = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def serve(self) -> None:
        """Listen until cancelled."""

        def on_signal(signal: Signal) -> None:
            for hear, _ in self._listeners:
                hear(signal)

        def on_looked(looked: Looked) -> None:
            for _, hear in self._listeners:
                hear(looked)

        await self._real.listen(on_signal, self.ready.set, on_looked)

    async def listen(
        self,
        on_signal: Callable[[Signal], None],
        on_ready: Callable[[], None],
        on_looked: Callable[[Looked], None] = ignored,
    ) -> None:
        """As the connection that listens does it."""
        self._listeners.append((on_signal, on_looked))
        await self.ready.wait()
        on_ready()
        await asyncio.Event().wait()


class SharedDriver:
    """The driver of all workers of this process."""

    def __init__(self, real: Driver) -> None:
        self._real = real
        self.signals = SharedSignals(real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """It stays open."""

    def dedicated(self) -> None:
        """Leases are renewed over the pool."""


async def work(settings: dict[str, Any]) -> None:
    """Run jobs from the barrier until standard input ends."""
    real = driver_over(settings["dsn"], library=settings["library"])
    await real.open()
    driver = SharedDriver(real)
    listening = asyncio.create_task(driver.signals.serve())
    await driver.signals.ready.wait()
    schedulers: list[Scheduler] = []
    async with AsyncExitStack() as stack:
        for _ in range(settings["workers"]):
            one = Scheduler(driver, **settings.get("options", {}))
            one.register(note)
            one.register(limited)
            schedulers.append(await stack.enter_async_context(one))
        print("ready", flush=True)
        while line := await wait_for_line():
            if line == "meet":  # renew, and learn by that who else is there
                for one in schedulers:
                    one.worker.services.lease_keeper.poke()
            say(starts=STARTS, **{line: True})
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    await real.close()


if __name__ == "__main__":
    loop.run(work(json.loads(sys.argv[1])))
