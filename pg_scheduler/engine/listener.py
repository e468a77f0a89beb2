"""Receives signals, and reconnects when the connection breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from pg_scheduler.ports.signals import SignalKind, Signals

log: logging.Logger = logging.getLogger(__name__)


class Listener:
    """Keeps a LISTEN running and calls the reaction to each kind of signal. After every (re)connection it
    calls all reactions, because signals sent in between are lost."""

    def __init__(self, signals: Signals, reactions: Mapping[SignalKind, Callable[[], None]]) -> None:
        self._signals = signals
        self._reactions = reactions
        self.connected: bool = False

    async def one_round(self) -> None:
        """Listen until the connection breaks."""
        try:
            await self._signals.listen(self._deliver, self._ready)
        finally:
            if self.connected:
                self.connected = False
                self._deliver(SignalKind.DUE)

    def _ready(self) -> None:
        self.connected = True
        log.debug("listening")
        for kind in self._reactions:
            self._deliver(kind)

    def _deliver(self, kind: SignalKind) -> None:
        self._reactions[kind]()
