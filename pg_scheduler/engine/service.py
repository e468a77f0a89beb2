"""The one place that owns the shape loop, failure, log, pause."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable

from pg_scheduler.domain.errors import ConnectionLost, TransientDatabaseError
from pg_scheduler.ports.clock import Clock

MAX_PAUSE = 5.0
"""Longest pause between failed rounds, in seconds: a returning database is noticed this soon."""


async def keep_running(
    name: str,
    one_round: Callable[[], Awaitable[None]],
    clock: Clock,
    on_pass: Callable[[str], None] = lambda name: None,
    longest_pause: float = MAX_PAUSE,
) -> None:
    """Run `one_round` again and again until cancelled; a failure is logged and pauses, never ends it.

    Pauses grow from 0.1 s to `longest_pause`, with half of each left to chance so that a fleet that lost
    its database together does not come back in step. `on_pass` hears of every round that went well.
    """
    log = logging.getLogger(f"pg_scheduler.{name}")
    failures = 0
    while True:
        try:
            await one_round()
        except (ConnectionLost, TransientDatabaseError) as error:
            failures += 1
            log.warning("the database is out of reach; trying again", extra={"error": str(error)})
        except Exception:
            failures += 1
            log.exception("a round failed; trying again")
        else:
            failures = 0
            on_pass(name)
            continue
        pause = min(longest_pause, 0.1 * 2.0 ** min(failures, 10))
        await clock.sleep(pause * random.uniform(0.5, 1.0))
