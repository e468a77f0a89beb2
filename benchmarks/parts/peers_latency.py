"""How long until an idle worker starts a job, ours and other queues' on PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.crew import Crew, Member, crew_of
from benchmarks.figures import milliseconds, percentile
from benchmarks.frame import Bench, Cell, Part, Table
from benchmarks.loads import installed
from benchmarks.parts.peers import OURS, left_out
from benchmarks.parts.peers_enqueue import OWN_WORKER
from benchmarks.peers import PEERS, Installed, at_hand

WARM_UP, SAMPLES = 20, 500
FIGURES = {"from the return of the call": "returned", "from the call": "called"}


@dataclass(slots=True)
class Pair:
    """A worker that is idle and a producer that waits to be told, of one queue."""

    gang: Crew
    jobs: int = 0
    samples: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FIGURES})

    @property
    def _members(self) -> tuple[Member, Member]:
        worker, producer = self.gang.members
        return worker, producer

    async def pick_up(self) -> None:
        """One job, from its producer to its start."""
        worker, producer = self._members
        self.jobs += 1
        producer.tell(b"one\n")
        await self.gang.finish(2 * self.jobs)  # it is stored, and it has started
        for name, since in FIGURES.items():
            self.samples[name].append(worker.said["started"] - producer.said[since])

    def forget(self) -> None:
        """What was measured so far was to warm up."""
        for found in self.samples.values():
            found.clear()


@asynccontextmanager
async def _ours(bench: Bench) -> AsyncIterator[Pair]:
    async with bench.temporary_database() as database:
        await installed(bench, database)
        wanted = {"dsn": database.worker_dsn, "library": bench.library}
        async with crew_of(database, OWN_WORKER, _both(wanted)) as gang:
            yield Pair(gang)


@asynccontextmanager
async def _theirs(bench: Bench, peer: Installed) -> AsyncIterator[Pair]:
    async with bench.temporary_database() as database:
        await peer.load(database.dsn, 0, listen=True)
        async with crew_of(database, peer.command, _both({"dsn": database.dsn})) as gang:
            yield Pair(gang)


def _both(settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**settings, "role": role} for role in ("pickup", "send")]


async def measure(bench: Bench) -> list[Table]:
    """A job of ours, then one of each peer, again and again, beside each other on one server."""
    peers, missing = await at_hand([peer for peer in PEERS if peer.wakes])
    async with AsyncExitStack() as stack:
        pairs = {OURS: await stack.enter_async_context(_ours(bench))}
        for peer in peers:
            pairs[peer.name] = await stack.enter_async_context(_theirs(bench, peer))
        await _take_turns(list(pairs.values()), bench.size(WARM_UP))
        for pair in pairs.values():
            pair.forget()
        await _take_turns(list(pairs.values()), bench.size(SAMPLES))
    columns = ("queue", "figure", "samples", "p50 ms", "p95 ms", "p99 ms", "max ms", *RATIOS)
    rows = [_row(queue, figure, pairs) for figure in FIGURES for queue in pairs]
    return [Table("peers: pickup by an idle worker", columns, [*rows, *left_out(missing, len(columns))])]


async def _take_turns(pairs: Sequence[Pair], number: int) -> None:
    for _ in range(number):
        for pair in random.sample(pairs, len(pairs)):
            await pair.pick_up()
            await asyncio.sleep(random.uniform(0.01, 0.03))


RATIOS = ("p50: ours / it", "p99: ours / it")


def _row(queue: str, figure: str, pairs: Mapping[str, Pair]) -> tuple[Cell, ...]:
    found, ours = pairs[queue].samples[figure], pairs[OURS].samples[figure]
    ratios = [percentile(ours, rank) / percentile(found, rank) for rank in (50, 99)]
    return (queue, figure, len(found), *milliseconds(found), *ratios)


PEERS_LATENCY = Part(
    name="peers-latency",
    summary="time until an idle worker starts a job, ours and those of peers that listen",
    reading="""
Only when named, as the part peers. Of each queue an idle worker and a producer, in processes of their own on
one server; one job at a time, one of each queue in any order, 10 to 30 ms apart. From the return
of the call that stores the job, or from that call, until the job's first line runs, on the monotonic clock
that all processes share. graphile-worker has the settings of its page on performance, with which it measures
its own latency; pg-boss, which polls by default, has a queue that notifies. Ours has the defaults. Ours / it:
below 1, ours is sooner. Where the load average is not near 0, the tails tell of the machine.
""".strip(),
    measure=measure,
    by_default=False,
)
