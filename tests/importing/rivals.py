"""The rivals: where they are installed, how they are started, and what an import from them is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.peers import PGQUEUER, PROCRASTINATE, Peer
from benchmarks.peers.environments import ROOT, folder_of, variables
from pg_scheduler_import import ForeignQueue, PgQueuerTable, ProcrastinateTable


@dataclass(frozen=True, slots=True)
class Rival:
    """One of them."""

    peer: Peer
    table: Callable[[], ForeignQueue]

    @property
    def name(self) -> str:
        """As `pgq import` calls it."""
        return self.table().name

    async def prepare(self) -> str:
        """Install it, if need be; its version.

        Raises:
            Unavailable: it cannot be installed here.
        """
        return await self.peer.environment.prepare(self.peer.name)

    def _command(self, *arguments: str) -> list[str]:
        python = str(folder_of(self.peer.name) / "bin" / "python")
        return [python, "-m", f"tests.importing.{self.name}_worker", *arguments]

    async def load(self, dsn: str, jobs: int) -> None:
        """Its tables are there, with so many jobs."""
        process = await asyncio.create_subprocess_exec(
            *self._command(dsn, "load", str(jobs)), cwd=ROOT, env=variables()
        )
        assert await process.wait() == 0, "loading failed"

    @asynccontextmanager
    async def workers(self, dsn: str, number: int) -> AsyncIterator[None]:
        """So many of its worker processes work within this block."""
        processes = [
            await asyncio.create_subprocess_exec(*self._command(dsn, "work"), cwd=ROOT, env=variables())
            for _ in range(number)
        ]
        try:
            yield
            assert all(process.returncode is None for process in processes), "a worker of the rival ended"
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                await process.wait()


RIVALS = {
    rival.name: rival for rival in (Rival(PGQUEUER, PgQueuerTable), Rival(PROCRASTINATE, ProcrastinateTable))
}
