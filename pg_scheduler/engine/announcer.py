"""Tells other workers what a look has seen, so that they need not look as well."""

from __future__ import annotations

import asyncio
import logging

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.ports.signals import Looked, Signals

log: logging.Logger = logging.getLogger(__name__)


class Announcer:
    """Sends one word at a time; of words about the same the last counts. Nobody depends on them, so one that
    cannot be sent is dropped: the others then look for themselves."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._waiting: dict[bool, Looked] = {}
        self._changed = asyncio.Event()

    def announce(self, looked: Looked) -> None:
        """Send it soon."""
        self._waiting[looked.leases_end_in is not None] = looked
        self._changed.set()

    async def one_round(self) -> None:
        """Wait for a word and send it."""
        await self._changed.wait()
        self._changed.clear()
        while self._waiting:
            _, looked = self._waiting.popitem()
            try:
                await self._signals.tell_looked(looked)
            except DatabaseError as error:
                log.debug("others look for themselves: %s", error)
