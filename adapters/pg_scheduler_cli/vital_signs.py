"""Whether a worker lives and is ready, as far as its own process can tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from pg_scheduler.domain.workers import WorkerState
from pg_scheduler.events import RoundFailed, WorkerEvent
from pg_scheduler.scheduler import Scheduler

LONGEST_BLOCK = 10.0
"""Seconds for which an event loop may be blocked before a supervisor should end the process."""
TICK = 1.0
"""Seconds between signs of life of the event loop."""
ANSWER_PATIENCE = 3.0
"""Seconds in which the database has to answer."""
KEEPER = "lease keeper"


class Vitals(NamedTuple):
    """An answer."""

    good: bool
    text: str


class VitalSigns:
    """An observer of the scheduler; to be made and ended in its event loop. It may be asked from any thread,
    also while that loop is blocked."""

    def __init__(self, scheduler: Scheduler, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._scheduler = scheduler
        self._monotonic = monotonic
        self._loop = asyncio.get_running_loop()
        self._turned = self._tried = monotonic()
        self._failure: str | None = "the worker has not started"
        self._ticking = asyncio.create_task(self._tick(), name="vital signs")
        scheduler.add_observer(self)

    def end(self) -> None:
        """Watch no longer."""
        self._ticking.cancel()

    async def _tick(self) -> None:
        while True:
            self._turned = self._monotonic()
            await asyncio.sleep(TICK)

    def pass_finished(self, service: str) -> None:
        """A service has made a round."""
        if service == KEEPER:
            self._tried, self._failure = self._monotonic(), None

    def observe(self, event: WorkerEvent) -> None:
        """A service has failed to make one."""
        if isinstance(event, RoundFailed) and event.service == KEEPER:
            self._tried = self._monotonic()
            self._failure = f"leases are not renewed: {type(event.error).__name__}: {event.error}"

    def live(self) -> Vitals:
        """Whether this process does its work, or should be replaced: its event loop turns, and leases are
        renewed, or at least tried to be. A database that is away is no reason: a restart would not bring it
        back."""
        now = self._monotonic()
        if (blocked := now - self._turned) > LONGEST_BLOCK:
            return Vitals(False, f"the event loop has been blocked for {blocked:.0f} s")
        lease = self._scheduler.lease.total_seconds()
        if self._scheduler.is_running and (silent := now - self._tried) > lease:
            return Vitals(False, f"no lease has been renewed for {silent:.0f} s")
        return Vitals(True, "the event loop turns, leases are renewed")

    def ready(self) -> Vitals:
        """Whether it claims jobs, and the database answers."""
        live = self.live()
        if not live.good:
            return live
        if not self._scheduler.is_running:
            return Vitals(False, "the worker does not run")
        if (state := self._scheduler.worker.services.report.state) is not WorkerState.WORKING:
            return Vitals(False, f"the worker is {state}")
        if self._failure is not None:
            return Vitals(False, self._failure)
        return self._answered()

    def _answered(self) -> Vitals:
        asking = asyncio.run_coroutine_threadsafe(
            self._scheduler.driver.insight.statuses(["nobody"]), self._loop
        )
        try:
            asking.result(ANSWER_PATIENCE)
        except TimeoutError:
            asking.cancel()
            return Vitals(False, f"the database did not answer within {ANSWER_PATIENCE:g} s")
        except Exception as error:
            return Vitals(False, f"the database: {type(error).__name__}: {error}")
        return Vitals(True, "it claims jobs, and the database answers")
