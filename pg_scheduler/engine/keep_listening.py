"""Listening again and again, whatever keeps it from listening."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.engine.outage import Outage, OutOfReach
from pg_scheduler.engine.service import pause_after
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.signals import SignalsSwallowed

log: logging.Logger = logging.getLogger(__name__)

PAUSE_WHEN_SWALLOWED = 30.0
"""Seconds until it is tried again where signals are swallowed: a pooler stays what it is."""


async def keep_listening(
    listen: Callable[[Callable[[], None]], Awaitable[None]],
    clock: Clock,
    meanwhile: str,
    outage: Outage | None = None,
) -> None:
    """Call `listen(on_ready)` until cancelled. What keeps it from listening is told once, with what is done
    `meanwhile`, until it has listened again. With `outage`, it waits with those that share it."""
    failures = 0

    def on_ready() -> None:
        nonlocal failures
        failures = 0

    while True:
        try:
            await listen(on_ready)
        except Exception as error:
            failures += 1
            if failures == 1:
                _report(error, meanwhile)
            if outage is not None and isinstance(error, OutOfReach):
                await outage.wait(error, failures)
                continue
            longest = PAUSE_WHEN_SWALLOWED if isinstance(error, SignalsSwallowed) else 0.0
            pause = max(pause_after(error, failures), longest)
            await clock.sleep(pause * random.uniform(0.5, 1.0))


def _report(error: Exception, meanwhile: str) -> None:
    if isinstance(error, SignalsSwallowed):
        log.warning(
            "%s: a pooler in transaction mode, most likely. %s. Give the scheduler a direct connection, or "
            "tell it with PollingConfig(listen=False)",
            error,
            meanwhile,
        )
    else:
        log.warning(
            "signals do not arrive (%s: %s). %s until they do",
            type(error).__name__,
            error,
            meanwhile,
            extra={"error": str(error)},
            exc_info=not isinstance(error, DatabaseError),
        )
