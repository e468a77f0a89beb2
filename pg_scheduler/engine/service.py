"""The loop of every service: run a round; on failure log, pause and try again."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable

from pg_scheduler.domain.errors import (
    ConnectionLost,
    DatabaseUnavailable,
    ReadOnlyServer,
    TransientDatabaseError,
)
from pg_scheduler.ports.clock import Clock

FIRST_PAUSE, MAX_PAUSE = 0.1, 5.0
"""Seconds between failed rounds: at first and at the most, whatever failed."""
MAX_PAUSE_WITHOUT_DATABASE = 1.5
"""The most where the database is out of reach: a returning one is noticed this soon."""
FIRST_PAUSE_AFTER_CONFLICT = 0.02
"""The first where it rolled back a conflict (deadlock, serialization): the other side is through by now."""


async def keep_running(
    name: str,
    one_round: Callable[[], Awaitable[None]],
    clock: Clock,
    on_pass: Callable[[str], None] = lambda name: None,
    on_failure: Callable[[Exception], None] = lambda error: None,
    longest: float = MAX_PAUSE,
    wait_for_database: Callable[[ConnectionLost | ReadOnlyServer, int], Awaitable[None]] | None = None,
) -> None:
    """Run `one_round` again and again until cancelled; a failure is logged and pauses, never ends it.

    Pauses double, see `pause_after`. `on_pass` hears of every round that went well, `on_failure` of every one
    that did not. `longest` limits the pauses of a service that must not be late. `wait_for_database`
    is called instead of a pause where no server is in reach that accepts writes, with the error and how many
    failures there were in a row.
    """
    log = logging.getLogger(one_round.__module__)
    failures = 0
    while True:
        try:
            await one_round()
        except ReadOnlyServer as error:
            failed: Exception = error  # told once for all services, by `ReadOnlyWatch`
        except (ConnectionLost, TransientDatabaseError) as error:
            failed = error
            log.warning("the database is unreachable; retrying: %s", error, extra={"error": str(error)})
        except Exception as error:
            failed = error
            log.exception("a round failed (service %s); retrying", name)
        else:
            failures = 0
            on_pass(name)
            continue
        failures += 1
        on_failure(failed)
        if wait_for_database is not None and isinstance(failed, ConnectionLost | ReadOnlyServer):
            await wait_for_database(failed, failures)
        else:
            pause = min(pause_after(failed, failures), longest, MAX_PAUSE)
            await clock.sleep(pause * random.uniform(0.5, 1.0))


async def tried_again(step: Callable[[], Awaitable[object]], clock: Clock, patience: float) -> None:
    """Take a step that others take at the same time: what the database rolled back for a conflict with them
    is done again, for up to `patience` seconds. So is what a server refused that accepts no writes.

    Raises:
        TransientDatabaseError: even the last try was rolled back.
    """
    began, failures = clock.monotonic(), 0
    while True:
        try:
            await step()
        except TransientDatabaseError as error:
            if hopeless(error) or clock.monotonic() - began >= patience:
                raise
            failures += 1
            logging.getLogger(__name__).info("trying again: %s", error, extra={"error": str(error)})
            await clock.sleep(pause_after(error, failures) * random.uniform(0.5, 1.0))
        else:
            return


def hopeless(error: Exception) -> bool:
    """True if to try again within seconds would be in vain. Where a server accepts no writes, another one is
    about to take over, most likely."""
    return isinstance(error, DatabaseUnavailable) and not isinstance(error, ReadOnlyServer)


def pause_after(error: Exception, failures: int) -> float:
    """Seconds to wait at the most after so many failures in a row: twice as long each time, up to a cap. Half
    of each is left to chance, so that a fleet that lost its database together does not come back in step."""
    doublings = 2.0 ** min(failures, 10)
    if isinstance(error, ConnectionLost | DatabaseUnavailable):
        return min(FIRST_PAUSE * doublings, MAX_PAUSE_WITHOUT_DATABASE)
    if isinstance(error, TransientDatabaseError):
        return min(FIRST_PAUSE_AFTER_CONFLICT * doublings, MAX_PAUSE_WITHOUT_DATABASE)
    return min(FIRST_PAUSE * doublings, MAX_PAUSE)
