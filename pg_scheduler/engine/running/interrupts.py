"""Whether a KeyboardInterrupt came from the keyboard."""

from __future__ import annotations

import asyncio.runners
import signal
import threading


def from_the_keyboard(error: KeyboardInterrupt) -> bool:
    """True if a Ctrl-C may have raised this, False if the code that ran did it by itself.

    A Ctrl-C raises in the main thread alone: by Python's own handler, which leaves no trace, or, under
    `asyncio.run`, at the second one, from asyncio's handler. Under a handler of somebody else's
    (`Scheduler.run()`, `pgq run`) it raises nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename == asyncio.runners.__file__
