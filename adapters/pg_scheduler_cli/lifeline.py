"""Ties a child process to its parent: the child runs as long as its stdin is open."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable

from pg_scheduler.process.signals import StopSignals

READY, STOP, HASTEN = b"r", b"s", b"h"
"""Messages between child and parent. They are not signals, because a supervisor that signals every process
would then reach a child twice, once directly and once through the parent."""

LAST_PATIENCE = 30.0
"""Seconds that a process whose parent is gone has to shut down, in addition to its grace period."""


def wait_until_unwanted() -> None:
    """Return once stdin is closed: the parent closed it, or is gone."""
    # Not sys.stdin: a thread that waits here would hold its lock and keep the interpreter from exiting.
    while os.read(0, 1024):
        pass


class Lifeline:
    """The socket to the parent that a child of ``--processes`` finds as its stdin."""

    def __init__(self) -> None:
        self._line = os.dup(0)
        # Nothing else may read or inherit the socket; code that reads stdin finds it empty.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def say_ready(self) -> None:
        """Tell the parent that this process is ready."""
        try:
            os.write(self._line, READY)
        except OSError:
            pass  # the parent is gone; `watch` notices that too

    def watch(self, signals: StopSignals, grace: float) -> None:
        """Obey the parent's `STOP` and `HASTEN`; its death counts as `STOP`. A process that does not exit in
        time, because its event loop is blocked, is ended by force."""
        loop = asyncio.get_running_loop()

        def wait() -> None:
            while word := os.read(self._line, 1):
                signals.end_in_time()
                in_loop(signals.force_stop if word == HASTEN else signals.ask)
            in_loop(signals.ask)
            time.sleep(grace + LAST_PATIENCE)
            os._exit(1)

        def in_loop(call: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)

        threading.Thread(target=wait, name="lifeline", daemon=True).start()
