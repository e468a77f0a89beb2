"""Notices a blocked event loop and says which job blocks it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable

from pg_scheduler.engine.running.attempt import Attempt

log: logging.Logger = logging.getLogger(__name__)


class LoopWatch:
    """A thread that checks whether the loop still responds, and warns once each time it does not.

    Args:
        attempts: the running attempts, to name the job that blocks.
        threshold: seconds without a response before it warns.
        on_blocked: called with the id of the blocking job, or None if it is not a job. For tests and metrics.
    """

    def __init__(
        self,
        attempts: Callable[[], list[Attempt]],
        threshold: float = 1.0,
        on_blocked: Callable[[str | None], None] = lambda job_id: None,
    ) -> None:
        self._attempts = attempts
        self._threshold = threshold
        self._on_blocked = on_blocked
        self._answered = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the running loop from now on."""
        loop = asyncio.get_running_loop()
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._watch,
            args=(loop, threading.get_ident()),
            name="pg_scheduler-loop-watch",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop watching. Legal before start, and twice."""
        self._stopping.set()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        while not self._stopping.wait(self._threshold):
            self._answered.clear()
            try:
                loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:
                return  # the loop is closed
            if not self._answered.wait(self._threshold) and not self._stopping.is_set():
                self._report(loop, thread_id)
                self._answered.wait()

    def _report(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        task = asyncio.current_task(loop)
        culprit = next((one.job.job_id for one in self._attempts() if one.task is task), None)
        frame = sys._current_frames().get(thread_id)
        where = "".join(traceback.format_stack(frame, limit=8)) if frame else ""
        log.warning(
            "the event loop is blocked%s; run blocking code with executor='thread' or 'process'",
            "" if culprit is None else f" by job {culprit!r}",
            extra={"job_id": culprit, "stack": where},
        )
        self._on_blocked(culprit)
