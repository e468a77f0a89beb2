"""How a fleet comes back after a failover: ``python -m tests.chaos.herd --workers 50``.

A primary crashes under workers in several processes, each with its own connections; after a while its
synchronous replica takes over. Counted are the connections that workers try to make, second by second, and
how long it takes from the moment at which the new primary accepts connections until the first job that is
stored there has been completed, and until every worker listens again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import asyncpg

from pg_scheduler import JobStatus, Scheduler
from tests.support.cluster import Cluster, missing_for_cluster

PROCESSES = 5
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE query ~* '^\\s*LISTEN'"


@dataclass
class Door:
    """A TCP port before a server, that counts who comes and lets them in while the server runs."""

    target: int
    came: list[float] = field(default_factory=list)
    port: int = 0

    async def open(self, stack: AsyncExitStack) -> None:
        """Accept until the stack ends."""
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        stack.callback(server.close)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append(time.monotonic())
        try:
            above, below = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.wait(
            {asyncio.create_task(_copy(reader, below)), asyncio.create_task(_copy(above, writer))},
            return_when=asyncio.FIRST_COMPLETED,
        )
        for one in (writer, below):
            one.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@dataclass
class Figures:
    """What was seen."""

    library: str
    workers: int
    steady: float
    """Attempts a second before."""
    seconds: dict[int, int]
    """Attempts by second, 0 being that in which the new primary accepts connections."""
    busiest: int
    """The most within any tenth of a second."""
    first_job: float
    all_listen: float

    def __str__(self) -> str:
        first, last = min(self.seconds), max(self.seconds)
        line = " ".join(str(self.seconds.get(second, 0)) for second in range(first, last + 1))
        return (
            f"{self.library}, {self.workers} workers: {self.steady:.1f} attempts/s before the crash; from "
            f"second {first} on {line}; at most {max(self.seconds.values())} in a second, {self.busiest} in "
            f"a tenth; after the new primary accepts connections: first job completed in "
            f"{self.first_job:.2f} s, all listen in {self.all_listen:.2f} s"
        )


async def played(library: str, workers: int, outage: float) -> Figures:
    """One failover."""
    async with AsyncExitStack() as stack:
        cluster = Cluster(settings={"max_connections": "600"})
        await asyncio.to_thread(cluster.start)
        stack.callback(cluster.stop)
        doors = [Door(cluster.primary.port), Door(cluster.replica.port)]
        for door in doors:
            await door.open(stack)
        hosts = ",".join(f"127.0.0.1:{door.port}" for door in doors)
        dsn = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write&sslmode=disable"
        setting = Scheduler(cluster.primary.dsn)
        await setting.initialize_db()
        await setting.shutdown()
        await asyncio.gather(*(_crowd(stack, dsn, library, number) for number in _shares(workers)))
        await _until(cluster.primary.dsn, LISTENING, workers)
        began = time.monotonic()
        await asyncio.sleep(10)
        came = [instant for door in doors for instant in door.came if instant > began]
        steady = len(came) / 10
        crashed = time.monotonic()
        await asyncio.to_thread(cluster.crash)
        await asyncio.sleep(outage)
        await asyncio.to_thread(cluster.promote)
        back = time.monotonic()
        first = asyncio.create_task(_first_job(cluster.primary.dsn))
        await _until(cluster.primary.dsn, LISTENING, workers)
        all_listen = time.monotonic() - back
        first_job = await first - back
        await asyncio.sleep(max(5 - (time.monotonic() - back), 0))
        came = [instant - back for door in doors for instant in door.came if instant > crashed]
        seconds = Counter(int(instant // 1) for instant in came)
        tenths = Counter(int(instant // 0.1) for instant in came)
        return Figures(library, workers, steady, dict(seconds), max(tenths.values()), first_job, all_listen)


def _shares(workers: int) -> Sequence[int]:
    return [workers // PROCESSES + (place < workers % PROCESSES) for place in range(min(PROCESSES, workers))]


async def _crowd(stack: AsyncExitStack, dsn: str, library: str, number: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.herd", "--crowd", json.dumps([dsn, library, number]),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def end() -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    assert process.stdout is not None
    await process.stdout.readline()


async def _until(dsn: str, query: str, wanted: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        while await connection.fetchval(query) < wanted:
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _first_job(dsn: str) -> float:
    """When it has been completed."""
    scheduler = Scheduler(dsn)
    try:
        job = await scheduler.enqueue("herd:nothing")
        while await job.status() is not JobStatus.COMPLETED:
            await asyncio.sleep(0.01)
        return time.monotonic()
    finally:
        await scheduler.shutdown()


async def nothing() -> None:
    """The job."""


async def _work(dsn: str, library: str, number: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(number):
            scheduler = Scheduler(dsn, library=library)  # type: ignore[arg-type]
            scheduler.register(nothing, name="herd:nothing")
            await stack.enter_async_context(scheduler)
        print("ready", flush=True)
        await asyncio.Event().wait()


def main(arguments: Sequence[str]) -> int:
    """Play it with both libraries."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.herd", description=__doc__)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--outage", type=float, default=8.0, help="seconds between crash and promotion")
    parser.add_argument("--library", choices=("asyncpg", "psycopg"))
    parser.add_argument("--crowd", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.crowd:
        asyncio.run(_work(*json.loads(chosen.crowd)))
        return 0
    if missing := missing_for_cluster():
        print(f"skipped: {missing}")
        return 0
    late = False
    for library in [chosen.library] if chosen.library else ["asyncpg", "psycopg"]:
        figures = asyncio.run(played(library, chosen.workers, chosen.outage))
        print(figures, flush=True)
        late = late or figures.first_job > 2
    return int(late)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
