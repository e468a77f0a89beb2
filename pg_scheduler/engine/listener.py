"""Receives signals, and reconnects when the connection breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from pg_scheduler.engine.keep_listening import keep_listening
from pg_scheduler.engine.outage import Outage
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.signals import Looked, Signal, SignalKind, Signals

log: logging.Logger = logging.getLogger(__name__)


class Listener:
    """Keeps a LISTEN running. `on_job` and `on_looked` are called with what is heard of jobs, and of what
    other workers have seen; `reactions` for signals of other kinds, and of all kinds after every
    (re)connection, because signals sent in between are lost. `on_change` is told whether they arrive,
    `on_return` is called when they do after they did not."""

    def __init__(
        self,
        signals: Signals,
        clock: Clock,
        reactions: Mapping[SignalKind, Callable[[], None]],
        poll_interval: float,
        on_job: Callable[[Signal], None],
        on_looked: Callable[[Looked], None],
        outage: Outage | None = None,
        on_change: Callable[[bool], None] = lambda connected: None,
        on_return: Callable[[], None] = lambda: None,
    ) -> None:
        self._signals = signals
        self._clock = clock
        self._reactions = reactions
        self._on_job = on_job
        self._on_looked = on_looked
        self._outage = outage
        self._poll_interval = poll_interval
        self._on_change = on_change
        self._on_return = on_return
        self._was_lost = False
        self.connected: bool = False

    async def one_round(self) -> None:
        """Listen until cancelled."""
        meanwhile = f"Due jobs are looked for every {self._poll_interval:g} s"
        await keep_listening(self._listen, self._clock, meanwhile, self._outage)

    async def _listen(self, on_ready: Callable[[], None]) -> None:
        def ready() -> None:
            on_ready()
            self._ready()

        try:
            await self._signals.listen(self._deliver, ready, self._on_looked)
        finally:
            if self.connected:
                self.connected, self._was_lost = False, True
                self._on_change(False)
                self._reactions[SignalKind.DUE]()

    def _ready(self) -> None:
        self.connected = True
        self._on_change(True)
        log.debug("listening")
        if self._was_lost:
            self._on_return()
        for kind in self._reactions:
            self._reactions[kind]()

    def _deliver(self, signal: Signal) -> None:
        if signal.kind in (SignalKind.DUE, SignalKind.LANE):
            self._on_job(signal)
        else:
            self._reactions[signal.kind]()
