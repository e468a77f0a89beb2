"""Worker processes: started, awaited, signalled and, whatever happens, ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from pg_scheduler.client.source import Library
from tests.support.running import PATIENCE, within

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """`worker_program` in a process; ready when the block is entered, gone when it is left."""

    def __init__(
        self, dsn: str, library: Library = "asyncpg", *, new_session: bool = False, **settings: Any
    ) -> None:
        self._new_session = new_session
        self._settings = {"dsn": dsn, "library": library, **settings}
        self.worker_id = ""

    async def __aenter__(self) -> WorkerProcess:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.worker_program", json.dumps(self._settings),
            cwd=ROOT, start_new_session=self._new_session,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.worker_id = await self.says()
        assert self.worker_id, (await self.finished())[2]
        return self

    async def says(self) -> str:
        """The next line it prints."""
        assert self.process.stdout is not None
        return (await within(self.process.stdout.readline())).decode().strip()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def finished(self) -> tuple[int | None, str, str]:
        """Wait for its end: exit code, and what it said on stdout and stderr."""
        said, complained = await within(self.process.communicate(), PATIENCE)
        return self.process.returncode, said.decode(), complained.decode()


def alive(pid: int) -> bool:
    """True while a process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@asynccontextmanager
async def workers(
    count: int, dsn: str, library: Library, **settings: Any
) -> AsyncIterator[list[WorkerProcess]]:
    """Several worker processes, started side by side."""
    made = [WorkerProcess(dsn, library, **settings) for _ in range(count)]
    try:
        yield list(await asyncio.gather(*(worker.__aenter__() for worker in made)))
    finally:
        for worker in made:
            if hasattr(worker, "process"):
                await worker.__aexit__(None, None, None)
