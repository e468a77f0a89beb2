"""A database, worker processes, and what has happened there."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from pg_scheduler import JobStatus, Queries, Scheduler
from tests.incidents import shop
from tests.support.processes import ROOT
from tests.support.running import eventually

PGQ = Path(sys.executable).with_name("pgq")
_LATER = """
UPDATE scheduled_jobs SET execution_time = execution_time - $1 WHERE status = 'pending';
UPDATE scheduled_job_queues SET changed_at = changed_at - $1;
UPDATE scheduled_job_limits SET changed_at = changed_at - $1;
"""


class Stage:
    """One incident's world."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder
        self.client = Scheduler(dsn)
        self.queries = Queries(self.client)
        self._processes: list[asyncio.subprocess.Process] = []

    def let(self, what: str, be: bool = True) -> None:
        """How the world is from now on."""
        path = self.folder / what
        path.touch() if be else path.unlink()

    async def worker(self, version: str = "before") -> asyncio.subprocess.Process:
        """Start one, and wait until it works."""
        process = await self._started("run", f"tests.incidents.shop:{version}", "--log-level", "warning")
        await eventually(lambda: self._works(process.pid))
        return process

    async def _works(self, pid: int) -> bool:
        return any(one.pid == pid and one.alive for one in await self.queries.workers())

    async def page(self) -> str:
        """Start `pgq web`; the address that it prints."""
        process = await self._started("web", "--port", "0", piped=True)
        assert process.stdout is not None
        async with asyncio.timeout(45):
            said = (await process.stdout.readuntil(b"Ctrl-C ends it.")).decode()
        found = re.search(r"http://\S+\?token=\S+", said)
        assert found is not None, said
        return found[0]

    async def pgq(self, *arguments: str) -> tuple[int, str]:
        """A command; its exit code, and what it said."""
        process = await asyncio.create_subprocess_exec(
            PGQ, *arguments, env=self._environment, cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(45):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def _started(self, *arguments: str, piped: bool = False) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            PGQ, *arguments, env=self._environment, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if piped else None,
        )  # fmt: skip
        self._processes.append(process)
        return process

    @property
    def _environment(self) -> dict[str, str]:
        given = {shop.DSN: self.dsn, shop.FOLDER: str(self.folder), "PG_SCHEDULER_DSN": self.dsn}
        return {**os.environ, **given}

    async def minutes_pass(self, minutes: int) -> None:
        """As if what waits, is paused or limited had been so for as much longer."""
        connection = await asyncpg.connect(self.dsn)
        try:
            for statement in filter(str.strip, _LATER.replace("$1", f"interval '{minutes} min'").split(";")):
                await connection.execute(statement)
        finally:
            await connection.close()

    async def number(self, status: JobStatus, task: str | None = None) -> int:
        """How many jobs are in this state."""
        return len(await self.client.jobs(status=status, task=task, limit=1000))

    async def until(self, number: int, status: JobStatus, task: str | None = None) -> None:
        """Wait until so many are, at least."""

        async def are() -> bool:
            return await self.number(status, task) >= number

        await eventually(are)

    async def end(self) -> None:
        """Stop whatever was started."""
        for process in self._processes:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
        await self.client.shutdown()


@asynccontextmanager
async def staged(dsn: str) -> AsyncIterator[Stage]:
    """A world with tables, and without workers."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(dsn, Path(folder))
        try:
            await stage.client.initialize_db()
            yield stage
        finally:
            await stage.end()
