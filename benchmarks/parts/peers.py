"""The same no-op jobs through other queues on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.crew import Drained, crew_of
from benchmarks.drains import BEST, REFERENCE_BATCH, drained, reference_drained
from benchmarks.frame import Bench, Cell, Part, Table
from benchmarks.loads import settle_down
from benchmarks.parts.drain import COSTS, costs, rates
from benchmarks.peers import Installed, at_hand
from benchmarks.rounds import interleaved, median_ratio

JOBS = 20_000
PROCESSES = (1, 2)
OURS, REFERENCE = "pg_scheduler", "reference loop"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    queue: str
    settings: str
    processes: int


async def peer_drained(bench: Bench, peer: Installed, jobs: int, processes: int = 1) -> Drained:
    """The peer's drain of so many jobs, all of them stored before the barrier is lifted."""
    async with bench.temporary_database() as database:
        await peer.load(database.dsn, jobs)
        await settle_down(database)
        wanted = {"role": "drain", "dsn": database.dsn}
        async with crew_of(database, peer.command, [wanted] * processes) as gang:
            return await gang.drain(jobs)


async def measure(bench: Bench) -> list[Table]:
    """Ours, the reference and the peers in turns, with one process and with two."""
    jobs = bench.size(JOBS)
    peers, missing = await at_hand()
    measured: dict[Case, Callable[[], Awaitable[Drained]]] = {}
    for processes in PROCESSES:
        measured[_ours(processes)] = partial(drained, bench, jobs, BEST, processes)
        measured[_reference(processes)] = partial(reference_drained, bench, jobs, processes)
        for peer in peers:
            case = Case(peer.name, peer.peer.settings, processes)
            measured[case] = partial(peer_drained, bench, peer, peer.jobs(jobs), processes)
    results = await interleaved(bench.rounds, measured)
    rows = [_row(case, results) for case in results]
    columns = ("queue", "settings", "processes", "jobs", "jobs/s", "of reference", "ours / it", *COSTS)
    return [Table("peers: drain", columns, [*rows, *left_out(missing, len(columns))])]


def _ours(processes: int) -> Case:
    return Case(OURS, BEST.name, processes)


def _reference(processes: int) -> Case:
    return Case(REFERENCE, f"claims of {REFERENCE_BATCH}", processes)


def _row(case: Case, results: dict[Case, list[Drained]]) -> tuple[Cell, ...]:
    found = results[case]
    return (
        case.queue,
        case.settings,
        case.processes,
        found[0].jobs,
        round(median(rates(found))),
        median_ratio(rates(found), rates(results[_reference(case.processes)])),
        median_ratio(rates(results[_ours(case.processes)]), rates(found)),
        *costs(found),
    )


def left_out(missing: dict[str, str], width: int) -> list[tuple[Cell, ...]]:
    """Rows of so many cells for the peers that could not be measured, and why."""
    return [(name, f"left out: {why}", *(None,) * (width - 2)) for name, why in missing.items()]


PEERS = Part(
    name="peers",
    summary="the same drain through graphile-worker, pg-boss, PgQueuer and Procrastinate, 1 and 2 processes",
    reading="""
Only when named, because it installs packages: each peer into an environment of its own, kept in the temporary
folder for the next time, by pip or by npm as they are set up here; a peer that cannot be installed is left
out, and the table says why. Each gets the settings that its documentation recommends for throughput (those of
graphile-worker are from its page on performance), its own way of loading in bulk, and on Python uvloop. A job
counts as done when the server has told the peer's worker that its end is stored: for graphile-worker, whose
event job:complete comes before that, the answer to the statement is what counts. Ours / it: the median of the
rounds' ratios of the rates; above 1, ours is faster. Peers keep different promises: graphile-worker deletes
finished jobs and keeps nothing of them, the others and ours keep them. The table compares speed alone.
""".strip(),
    measure=measure,
    by_default=False,
)
