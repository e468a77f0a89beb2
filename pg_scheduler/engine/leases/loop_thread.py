"""A second event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

CANCELLATIONS, CANCEL_AGAIN = 5, 1.0
"""How often, and how many seconds apart, the coroutine is cancelled until its thread ends: one cancellation
can get lost (see `worker.CANCEL_AGAIN`)."""


class LoopThread:
    """Runs one coroutine in a thread with an event loop until it ends or is stopped.

    The thread is a daemon: it never keeps a process alive whose main thread is gone.
    """

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._main = main
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._home = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._home.create_future()
        self._started = threading.Event()
        self._unwanted = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def stop(self) -> None:
        """Cancel the coroutine and wait until the thread is gone. Legal twice, and while it is starting."""
        self._unwanted = True
        for _ in range(CANCELLATIONS):
            self._cancel()
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, CANCEL_AGAIN)
            if not self._thread.is_alive():
                return

    def _cancel(self) -> None:
        if self._started.is_set() and self._loop is not None and self._task is not None:
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:
                pass  # its loop is closed: it has ended already

    async def ended(self) -> None:
        """Return when the coroutine ends; raise what it raised."""
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            asyncio.run(self._supervised())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            failure = error
        with suppress(RuntimeError):  # the home loop is closed, and nobody waits
            self._home.call_soon_threadsafe(self._finish, failure)

    async def _supervised(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._started.set()
        # Whoever stops looks at `_started` after setting this, so one of the two sees the other.
        if not self._unwanted:
            await self._main()

    def _finish(self, failure: BaseException | None) -> None:
        if self._ended.done():
            return
        if failure is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(failure)
            self._ended.exception()  # seen: nobody may be waiting any more
