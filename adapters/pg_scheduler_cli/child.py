"""One process of ``pgq run --processes``, seen from its parent."""

from __future__ import annotations

import asyncio
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Sequence

from pg_scheduler_cli.lifeline import HASTEN, READY, STOP
from pg_scheduler_cli.tracebacks import EXIT_APP_FAILED

ORDERLY = (0, -signal.SIGTERM, -signal.SIGINT)
"""Exit codes of a process that stopped on request, possibly before it could handle signals."""


class Child:
    """A worker process. Its stdin is a socket to this process: through it the child reports that it is ready,
    and it shuts down when the socket is closed. It has a session of its own, so Ctrl-C in the terminal does
    not reach it."""

    def __init__(self, process: Process, line: socket.socket) -> None:
        self._process = process
        self._line = line
        self._ready = False
        self.born = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, command: Sequence[str]) -> Child:
        """Start the process.

        Raises:
            OSError: the process cannot be started.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=theirs.fileno(), start_new_session=True
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def became_ready(self) -> bool:
        """Wait until it is ready or has exited; True if it is ready."""
        loop = asyncio.get_running_loop()
        word = asyncio.ensure_future(loop.sock_recv(self._line, 1))
        gone = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({word, gone}, return_when=asyncio.FIRST_COMPLETED)
            self._ready = word.done() and not word.exception() and word.result() == READY
            return self._ready
        finally:
            word.cancel()
            gone.cancel()

    async def gone(self) -> int:
        """Wait for its exit; the exit code, or minus the number of the signal that ended it."""
        try:
            return await self._process.wait()
        finally:
            self._line.close()

    def stop(self) -> None:
        """Let it shut down within its grace period. One that is not ready yet is terminated."""
        self._say(STOP)
        if not self._ready and self._process.returncode is None:
            try:
                self._process.send_signal(signal.SIGTERM)
            except ProcessLookupError:
                pass

    def force_stop(self) -> None:
        """Make it release its running jobs."""
        self._say(HASTEN)

    def kill(self) -> None:
        """End it by force."""
        if self._process.returncode is None:
            self._process.kill()

    def _say(self, word: bytes) -> None:
        try:
            self._line.send(word)
        except OSError:
            pass  # it is gone


def exit_code_of(code: int) -> int:
    """The parent's exit code for that of a child."""
    if code in ORDERLY:
        return 0
    return code if code > 0 else EXIT_APP_FAILED
