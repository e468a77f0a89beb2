"""Worker processes that drain a queue together, seen from outside."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.frame import Database
from benchmarks.peers.environments import ROOT, variables
from benchmarks.processor import server_seconds

START_PATIENCE, STILL_PATIENCE = 60.0, 60.0
"""Seconds that workers may take to connect, and may go without finishing a job."""


@dataclass(frozen=True, slots=True)
class Drained:
    """One drain. Times are the workers' clocks: from the first start of a job to the last confirmed end."""

    jobs: int
    seconds: float
    worker_cpu: float
    """Processor seconds of all workers since the barrier."""
    server_cpu: float | None
    """Of the server's processes over the same time; None where the system does not tell."""
    last_fifth: float
    """Jobs per second of the last fifth of the jobs."""

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


@dataclass(slots=True)
class Member:
    """One worker process."""

    process: asyncio.subprocess.Process
    said: dict[str, Any] = field(default_factory=dict)
    """The latest of everything that it told."""

    def tell(self, line: bytes) -> None:
        """Write a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line)


@dataclass(slots=True)
class Crew:
    """Workers that wait at the barrier."""

    members: list[Member]
    database: Database
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    pace: list[tuple[float, int]] = field(default_factory=list)
    """When (the last end) how many were done."""

    @property
    def done(self) -> int:
        """How many jobs all of them have finished."""
        return sum(member.said.get("done", 0) for member in self.members)

    def go(self) -> None:
        """Lift the barrier."""
        for member in self.members:
            member.tell(b"go\n")

    async def finish(self, jobs: int) -> None:
        """Return when so many jobs are done.

        Raises:
            RuntimeError: nothing happens any more.
        """
        while self.done < jobs:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), STILL_PATIENCE)
            except TimeoutError:
                raise RuntimeError(f"the workers stand still at {self.done} of {jobs} jobs") from None

    async def drain(self, jobs: int) -> Drained:
        """Lift the barrier and wait until so many jobs are done."""
        before = await server_seconds(self.database.dsn)
        self.go()
        await self.finish(jobs)
        after = await server_seconds(self.database.dsn)
        said = [member.said for member in self.members if member.said.get("done")]
        begin, end = min(fact["first"] for fact in said), max(fact["last"] for fact in said)
        return Drained(
            jobs=jobs,
            seconds=end - begin,
            worker_cpu=sum(fact["cpu"] for fact in said),
            server_cpu=None if before is None or after is None else after - before,
            last_fifth=self._rate_from(jobs * 4 // 5, jobs / (end - begin)),
        )

    def _rate_from(self, jobs: int, overall: float) -> float:
        """Jobs per second since so many were done; the overall rate where there are too few points."""
        late = [point for point in self.pace if point[1] >= jobs]
        seconds = late[-1][0] - late[0][0]
        return (late[-1][1] - late[0][1]) / seconds if seconds > 0 else overall

    async def listen_to(self, member: Member) -> None:
        """Keep what a worker tells, until it ends."""
        assert member.process.stdout is not None
        async for line in member.process.stdout:
            member.said |= json.loads(line)
            self.pace.append((member.said.get("last") or 0.0, self.done))
            self.changed.set()


def crew(
    database: Database, module: str, settings: Sequence[dict[str, Any]]
) -> AbstractAsyncContextManager[Crew]:
    """One process of ``python -m module SETTINGS`` for each of the settings, connected and waiting; gone at
    the end of the block."""
    return crew_of(database, (sys.executable, "-m", module), settings)


@asynccontextmanager
async def crew_of(
    database: Database, command: Sequence[str], settings: Sequence[dict[str, Any]]
) -> AsyncIterator[Crew]:
    """The same with any command that takes its settings as the last argument."""
    members = [Member(await _spawned(command, wanted)) for wanted in settings]
    gang = Crew(members, database)
    listening: list[asyncio.Task[None]] = []
    try:
        for member in members:
            assert member.process.stdout is not None
            said = await asyncio.wait_for(member.process.stdout.readline(), START_PATIENCE)
            if said != b"ready\n":
                raise RuntimeError(f"a worker did not start: {said!r}")
            listening.append(asyncio.create_task(gang.listen_to(member)))
        yield gang
        await _ended(members)
        await asyncio.gather(*listening)
    finally:
        for member in members:
            if member.process.returncode is None:
                member.process.kill()
                await member.process.wait()
        for task in listening:
            task.cancel()


async def _ended(members: Sequence[Member]) -> None:
    """Close their standard input, which tells them to stop, and wait until they have."""
    for member in members:
        assert member.process.stdin is not None
        member.process.stdin.close()
    await asyncio.wait_for(asyncio.gather(*(member.process.wait() for member in members)), START_PATIENCE)


async def _spawned(command: Sequence[str], settings: dict[str, Any]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*command, json.dumps(settings)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=variables(),
        limit=16 * 1024 * 1024,
    )
