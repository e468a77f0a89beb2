"""A thread pool that never keeps a process alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

_Work = tuple["Future[Any]", Callable[[], Any]]


class DaemonThreads:
    """Runs calls in up to `most` reused daemon threads.

    `concurrent.futures.ThreadPoolExecutor` makes the interpreter wait for its threads at exit, so one job
    that never returns would keep a worker that has released everything from exiting.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0
        self._closed = False

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Run `work` as soon as a thread is free; calls begin in the order in which they were submitted.

        Raises:
            RuntimeError: closed.
        """
        if self._closed:
            raise RuntimeError("the executor has been closed")
        future: Future[Any] = Future()
        self._queue.put((future, work))
        if not self._idle.acquire(blocking=False) and self._count < self._most:
            self._count += 1
            threading.Thread(target=self._serve, name=f"{self._name}-{self._count}", daemon=True).start()
        return future

    def close(self) -> None:
        """Leave out what has not begun; threads end when they are done with what has."""
        self._closed = True
        waiting: list[_Work] = []
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                waiting.append(item)
        for future, _ in waiting:
            future.cancel()
        for _ in range(self._count):
            self._queue.put(None)

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            _run(*item)
            # A thread that waits must not keep what the last call was about.
            del item
            self._idle.release()


def _run(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except (StopIteration, KeyboardInterrupt) as error:
        # The first no future can carry; the second would end the loop, though no Ctrl-C comes to a thread.
        wrapped = RuntimeError(f"the function raised {type(error).__name__}")
        wrapped.__cause__ = error
        future.set_exception(wrapped)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
