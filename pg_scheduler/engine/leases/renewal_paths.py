"""Over which connection leases are renewed: one for them alone, or else the scheduler's own pool."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pg_scheduler.domain.errors import ConnectionLost

log: logging.Logger = logging.getLogger(__name__)

Renew = Callable[[], Awaitable[object]]


class RenewalPaths:
    """Two ways to renew, of which one is enough.

    Args:
        own: over the connection for leases alone.
        beside: over what the scheduler works on, if its event loop responds.
        patience: seconds to wait for either.
        at_risk: whether any lease depends on it.
        lease: how long one lasts.
    """

    def __init__(
        self, *, own: Renew, beside: Renew, patience: float, at_risk: Callable[[], bool], lease: timedelta
    ) -> None:
        self._own = own
        self._beside = beside
        self._patience = patience
        self._at_risk = at_risk
        self._lease = lease
        self._is_beside = False
        self._reported = False

    async def renew(self) -> None:
        """Renew once.

        Raises:
            Exception: neither way worked; what kept the first from it.
        """
        if not self._is_beside:
            try:
                await self._own()
            except Exception as error:
                log.debug("a renewal failed: %s", error)
            else:
                self._reported = False
                return
        await self._renew_either_way()

    async def _renew_either_way(self) -> None:
        """Both at once: what failed was waited for already, and a lease must not be over meanwhile."""
        own, beside = asyncio.ensure_future(self._own()), asyncio.ensure_future(self._beside())
        try:
            await asyncio.wait({own, beside}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            # The way back to a connection of its own takes longer than a statement; yet no lease may wait.
            await asyncio.wait({own, beside}, timeout=self._patience / 2)
            self._judge(_failure_of(own), _failure_of(beside))
        finally:
            for task in (own, beside):
                task.cancel()
            await asyncio.gather(own, beside, return_exceptions=True)

    def _judge(self, own: BaseException | None, beside: BaseException | None) -> None:
        if own is None:
            if self._is_beside:
                log.info("leases are renewed over a connection of their own again")
            self._is_beside = self._reported = False
        elif beside is None:
            if not self._is_beside:
                log.warning(
                    "no connection for the renewal of leases alone (%s: %s); they are renewed over the "
                    "scheduler's own pool or connection, for which they wait while it is busy or the event "
                    "loop is blocked",
                    type(own).__name__,
                    own,
                )
            self._is_beside, self._reported = True, False
        else:
            self._report(own, beside)
            raise own

    def _report(self, own: BaseException, beside: BaseException) -> None:
        if self._reported or not self._at_risk():
            return
        self._reported = True
        log.error(
            "leases cannot be renewed, neither over a connection of their own (%s: %s) nor over the "
            "scheduler's (%s: %s). Running jobs whose leases are not renewed within %g s are run again "
            "elsewhere",
            type(own).__name__,
            own,
            type(beside).__name__,
            beside,
            self._lease.total_seconds(),
        )


def _failure_of(renewing: asyncio.Future[object]) -> BaseException | None:
    """What kept it from renewing; None if it has renewed. Who is not answered has lost the connection."""
    if not renewing.done() or renewing.cancelled():
        return ConnectionLost("a renewal was not answered in time")
    return renewing.exception()
