"""What a worker process says on its standard output. Needs the standard library only, so that the peers' own
environments can import it.

A worker connects, says "ready" and waits for a line: the barrier, so that nobody's start-up is measured. From
then on it tells how many jobs are done and by when, on the one monotonic clock that all processes of a
machine share. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

EVERY = 0.02
"""Seconds between reports."""


class Progress:
    """Counts a worker's jobs."""

    def __init__(self) -> None:
        self.done = 0
        self.first: float | None = None
        self.last: float | None = None
        self._cpu = 0.0

    def started(self) -> None:
        """A job starts."""
        if self.first is None:
            self.first = time.monotonic()

    def finished(self, jobs: int = 1) -> None:
        """The server has confirmed that so many jobs are finished."""
        self.done += jobs
        self.last = time.monotonic()

    @asynccontextmanager
    async def until_told(self) -> AsyncIterator[None]:
        """Wait at the barrier, run the block's body, then report until standard input ends."""
        print("ready", flush=True)
        await wait_for_line()
        self._cpu = time.process_time()
        reporting = asyncio.create_task(self._report())
        try:
            yield
            await wait_for_line()
        finally:
            reporting.cancel()

    async def _report(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(EVERY)
            if self.done > told:
                told = self.done
                cpu = time.process_time() - self._cpu
                say(done=self.done, first=self.first, last=self.last, cpu=cpu)


def say(**facts: Any) -> None:
    """One line to whoever started this process."""
    print(json.dumps(facts), flush=True)


async def wait_for_line() -> str:
    """The next line that this process is told; empty once its standard input has ended."""
    line: str = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    return line.strip()
