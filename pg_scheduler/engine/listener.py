"""Hears signals, and keeps hearing them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pg_scheduler.ports.driver import SignalKind, Signals

log = logging.getLogger("pg_scheduler.listener")


class Listener:
    """Keeps a LISTEN going. After every (re)connection `on_due` is called, because what was signalled in
    between is lost."""

    def __init__(self, signals: Signals, on_due: Callable[[], None], on_cancel: Callable[[], None]) -> None:
        self._signals = signals
        self._on_due = on_due
        self._on_cancel = on_cancel
        self.connected = False

    async def one_round(self) -> None:
        """Listen until the connection breaks."""
        try:
            await self._signals.listen(self._deliver, self._ready)
        finally:
            if self.connected:
                self.connected = False
                self._on_due()

    def _ready(self) -> None:
        self.connected = True
        log.debug("listening")
        self._on_due()
        self._on_cancel()

    def _deliver(self, kind: SignalKind) -> None:
        if kind is SignalKind.CANCEL:
            self._on_cancel()
        else:
            self._on_due()
