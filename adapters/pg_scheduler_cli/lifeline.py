"""How a process knows that whoever started it still wants it: as long as its stdin is open."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable

from pg_scheduler.process.signals import StopSignals

READY, STOP, HASTEN = b"r", b"s", b"h"
"""What child and parent say to each other. Not signals: a supervisor that signals every process would
otherwise be heard twice, once directly and once through the parent."""

LAST_PATIENCE = 30.0
"""Seconds beyond its grace that a process whose parent is gone gets to end in an orderly way."""


def wait_until_unwanted() -> None:
    """Return once stdin is closed: whoever started this process says so, or is gone."""
    # Not sys.stdin: its lock, held by a thread that waits here, would block the interpreter's end.
    while os.read(0, 1024):
        pass


class Lifeline:
    """The socket to the parent that a child of ``--processes`` finds as its stdin."""

    def __init__(self) -> None:
        self._line = os.dup(0)
        # Nothing else may read or inherit it; programs that ask for input find none.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def say_ready(self) -> None:
        """Tell the parent that this process works."""
        try:
            os.write(self._line, READY)
        except OSError:
            pass  # the parent is gone, and `watch` says so too

    def watch(self, signals: StopSignals, grace: float) -> None:
        """Obey the parent: `STOP`, `HASTEN`, and its death, which is as good as `STOP`. A process that does
        not end after that, because its event loop is blocked, is ended: nobody else is left to do it."""
        loop = asyncio.get_running_loop()

        def wait() -> None:
            while word := os.read(self._line, 1):
                in_loop(signals.force_stop if word == HASTEN else signals.ask)
            in_loop(signals.ask)
            time.sleep(grace + LAST_PATIENCE)
            os._exit(1)

        def in_loop(call: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)

        threading.Thread(target=wait, name="lifeline", daemon=True).start()
