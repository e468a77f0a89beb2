"""One worker process of the process executor, as its parent has it."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing import process
from multiprocessing.connection import Connection
from typing import Any

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.engine.executors.job_in_process import PROGRESS, progress_in
from pg_scheduler.engine.executors.process_child import serve
from pg_scheduler.ports.forks import forget_in_forks
from pg_scheduler.ports.job_context import JobContext

_SPAWN = multiprocessing.get_context("spawn")

LOOK_AGAIN = 0.5
"""Seconds between looks whether a busy process still lives. The end of the pipe does not always tell: what
the function has forked holds it open."""


class WorkerProcessDied(PgSchedulerError):
    """The worker process ended in the middle of a job: `os._exit`, a crash, the out-of-memory killer."""


class WorkerProcess:
    """One worker process, the pipe to it, and what its functions start."""

    def __init__(self) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        # A daemonic process may not start processes.
        self._process = _SPAWN.Process(target=serve, args=(theirs,), daemon=False)
        self._process.start()
        self.jobs: int = 0
        """That it has run."""
        # Without this, multiprocessing would wait for it when the interpreter ends.
        atexit.register(self._kill)
        theirs.close()
        forget_in_forks(self, WorkerProcess.forget_parent)

    def forget_parent(self) -> None:
        """In a forked process, which ends too: it must neither kill its parent's process nor wait for it. (Of
        the second multiprocessing can be told in no public way; a test fails if this one moves.)"""
        atexit.unregister(self._kill)
        getattr(process, "_children", set()).discard(self._process)

    def ask(self, request: bytes, context: JobContext) -> bytes:
        """Send a request and wait for the answer; blocks. Progress is passed on to the context."""
        pipe: Connection[Any, Any] = self._pipe
        try:
            pipe.send_bytes(request)
            self.jobs += 1
            while True:
                while not pipe.poll(LOOK_AGAIN):
                    if not self.usable:
                        raise EOFError
                answer = pipe.recv_bytes()
                if not answer.startswith(PROGRESS):
                    return answer
                progress = progress_in(answer)
                context.progress(progress.done, progress.total)
        except (EOFError, OSError) as error:
            self._kill_started()
            self._process.join(1)
            raise WorkerProcessDied(
                f"the worker process ended during the job (exit code {self._process.exitcode})"
            ) from error

    def end(self) -> None:
        """Kill the process and what it started; a blocked `ask` returns with `WorkerProcessDied`."""
        atexit.unregister(self._kill)
        self._kill()
        self._process.join(5)

    def _kill(self) -> None:
        if self.usable:  # another may have the number of one that is known to be dead
            self._kill_started()
            self._process.kill()

    def _kill_started(self) -> None:
        """End the process group, which the process began."""
        if hasattr(os, "killpg") and self._process.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def usable(self) -> bool:
        """True while the process lives."""
        return self._process.is_alive()
