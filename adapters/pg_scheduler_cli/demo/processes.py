"""One process of the demo."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable

PATIENCE = 15.0
"""Seconds that a process has to end by itself after it was dismissed."""


class Child:
    """A running module of the demo.

    `heard(child, line)` is called in the event loop for every line it writes, and `ended(child)` once it has
    exited and been reaped. It runs in a session of its own: a Ctrl-C in the terminal reaches only the demo,
    which then stops its processes in the right order.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: tuple[str, ...],
        heard: Callable[[Child, str], None],
        ended: Callable[[Child], None],
    ) -> None:
        self.name = name
        self.dismissed = False
        """True once it was dismissed or killed: its end is expected."""
        self.gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"pg_scheduler_cli.demo.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(heard, ended), daemon=True).start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number if one ended it."""
        return self._process.returncode

    def _read(self, heard: Callable[[Child, str], None], ended: Callable[[Child], None]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._in_loop(heard, self, line)
        self._process.wait()
        self._in_loop(self.gone.set)
        self._in_loop(ended, self)

    def _in_loop(self, call: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def kill(self) -> None:
        """Kill it, so that it cannot shut down in order."""
        self.dismissed = True
        self._process.kill()

    def dismiss(self) -> None:
        """Ask it to end, by closing its stdin. May be called twice."""
        self.dismissed = True
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def wait_gone(self) -> None:
        """Return once it has exited; kills it if it does not exit in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.gone.wait()
        except TimeoutError:
            self.kill()
            await self.gone.wait()
