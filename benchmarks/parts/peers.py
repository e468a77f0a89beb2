"""The same no-op jobs through other queues for Python on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median
from typing import Any

from benchmarks.crew import Drained, crew
from benchmarks.drains import BEST, drained, reference_drained
from benchmarks.frame import Bench, Cell, Part, Table
from benchmarks.loads import settle_down
from benchmarks.parts.drain import COSTS, costs, rates
from benchmarks.peers import PEERS as KNOWN
from benchmarks.peers import Peer, environment_of, load
from benchmarks.rounds import interleaved, median_ratio

JOBS = 20_000
OURS, REFERENCE = "pg_scheduler", "reference loop"


async def _peer_drained(bench: Bench, peer: Peer, python: str, jobs: int) -> Drained:
    async with bench.temporary_database() as database:
        settings = {"dsn": database.dsn, "jobs": jobs}
        await load(peer, python, settings)
        await settle_down(database)
        async with crew(database, peer.worker, [settings], python) as gang:
            return await gang.drain(jobs)


async def measure(bench: Bench) -> list[Table]:
    """Ours, the reference and the peers in turns, one process each."""
    jobs = bench.size(JOBS)
    measured: dict[str, Callable[[], Awaitable[Drained]]] = {
        OURS: partial(drained, bench, jobs, BEST),
        REFERENCE: partial(reference_drained, bench, jobs),
    }
    for peer in KNOWN:
        python = await environment_of(peer)
        measured[peer.name] = partial(_peer_drained, bench, peer, python, max(1, jobs // peer.fewer))
    results = await interleaved(bench.rounds, measured)
    columns = ("queue", "settings", "jobs", "jobs/s", "of reference", "ours / it", *COSTS)
    return [Table("peers", columns, [_row(name, results) for name in results])]


def _row(name: str, results: dict[str, list[Drained]]) -> tuple[Cell, ...]:
    found, settings = results[name], {OURS: BEST.name} | {peer.name: peer.settings for peer in KNOWN}
    found_rates: Any = rates(found)
    return (
        name,
        settings.get(name, "claims of 500"),
        found[0].jobs,
        round(median(found_rates)),
        median_ratio(found_rates, rates(results[REFERENCE])),
        median_ratio(rates(results[OURS]), found_rates),
        *costs(found),
    )


PEERS = Part(
    name="peers",
    summary="the same drain through PgQueuer and Procrastinate, installed from the package index",
    reading="""
Only when named, because it installs packages: each peer into a virtual environment of its own, kept in the
temporary folder for the next time. Each gets the settings that its documentation recommends for throughput,
its own way of loading in bulk, and uvloop. A job counts as done when the peer's worker has stored its end.
Peers keep different promises; the table compares speed alone.
""".strip(),
    measure=measure,
    by_default=False,
    once=True,
)
