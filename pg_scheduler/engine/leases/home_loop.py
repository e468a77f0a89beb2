"""Whether the event loop in which the jobs run still lives, asked from another thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

log: logging.Logger = logging.getLogger(__name__)


class HomeLoopClosed(BaseException):
    """The event loop in which the jobs ran is closed: they will never go on. Not an `Exception`, because no
    service is to be tried again after it."""


class HomeLoop:
    """Knows when the event loop last responded.

    Args:
        loop: the one in which the jobs run.
        monotonic: the time, in seconds.
        longest: seconds without a response after which it counts as blocked for ever.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, monotonic: Callable[[], float], longest: float
    ) -> None:
        self._loop = loop
        self._monotonic = monotonic
        self._longest = longest
        self._responded = monotonic()
        self._reported = False

    def lives(self) -> bool:
        """False once it has not responded for too long, and until it does again; asks it once more.

        Raises:
            HomeLoopClosed: it never will.
        """
        try:
            self._loop.call_soon_threadsafe(self._respond)
        except RuntimeError:
            raise HomeLoopClosed from None
        silent = self._monotonic() - self._responded
        if silent < self._longest:
            self._reported = False
            return True
        if not self._reported:
            self._reported = True
            log.error(
                "the event loop has been blocked for %.0f s: the leases of its jobs are renewed no more, "
                "and other workers take them; run blocking code with executor='thread' or 'process'",
                silent,
                extra={"seconds": silent},
            )
        return False

    def _respond(self) -> None:
        self._responded = self._monotonic()
