"""Whether the process has been told to end. A server waits for open responses before it ends the life of the
application, so a stream that never ends by itself has to hear of it earlier."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from weakref import WeakKeyDictionary

_endings: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Event] = WeakKeyDictionary()


def ending_here() -> asyncio.Event:
    """Set once the process that runs this event loop has been told to end."""
    return _endings.setdefault(asyncio.get_running_loop(), asyncio.Event())


@contextmanager
def hearing_signals() -> Iterator[None]:
    """Within the block the first SIGTERM or SIGINT sets `ending_here()`, and then does what it did before."""
    loop, ending = asyncio.get_running_loop(), ending_here()
    ending.clear()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            if not callable(handler):
                continue  # nobody here ends the process in peace

            def heard(number: int, frame: FrameType | None, handler: signal._HANDLER = handler) -> None:
                loop.call_soon_threadsafe(ending.set)
                if callable(handler):
                    handler(number, frame)

            before[number] = (handler, heard)
            signal.signal(number, heard)
    try:
        yield
    finally:
        ending.set()
        for number, (handler, heard) in before.items():
            if signal.getsignal(number) is heard:
                signal.signal(number, handler)
