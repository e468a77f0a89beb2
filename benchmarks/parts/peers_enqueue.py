"""How fast jobs are stored, by ours and by other queues on PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.crew import Drained, crew_of
from benchmarks.frame import Bench, Cell, Part, Table
from benchmarks.loads import installed
from benchmarks.parts.drain import COSTS, costs, rates
from benchmarks.parts.peers import OURS, left_out
from benchmarks.peers import Installed, at_hand
from benchmarks.rounds import interleaved, median_ratio

SINGLE, BULK = "one by one", "bulk"
ROLES = {SINGLE: "single", BULK: "bulk"}
JOBS = {SINGLE: 3_000, BULK: 50_000}
ON_POOL, BY_DSN = f"{OURS}, on a pool of 1", f"{OURS}, by DSN"
OWN_WORKER = (sys.executable, "-m", "benchmarks.peers.own_worker")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    queue: str
    how: str


async def _stored(bench: Bench, case: Case, jobs: int) -> Drained:
    """Ours: so many jobs, stored by a process of its own."""
    async with bench.temporary_database() as database:
        await installed(bench, database)
        wanted = {"dsn": database.worker_dsn, "library": bench.library, "by_dsn": case.queue == BY_DSN}
        return await _by(OWN_WORKER, database, case, jobs, wanted)


async def _peer_stored(bench: Bench, peer: Installed, case: Case, jobs: int) -> Drained:
    async with bench.temporary_database() as database:
        await peer.load(database.dsn, 0)
        return await _by(peer.command, database, case, jobs, {"dsn": database.dsn})


async def _by(
    command: Sequence[str], database: Any, case: Case, jobs: int, settings: dict[str, Any]
) -> Drained:
    wanted = {**settings, "role": ROLES[case.how], "jobs": jobs}
    async with crew_of(database, command, [wanted]) as gang:
        return await gang.drain(jobs)


async def measure(bench: Bench) -> list[Table]:
    """Ours and the peers in turns, one by one and in bulk."""
    peers, missing = await at_hand()
    measured: dict[Case, Callable[[], Awaitable[Drained]]] = {}
    for how in ROLES:
        jobs = bench.size(JOBS[how])
        for own in (ON_POOL, BY_DSN) if how == SINGLE else (ON_POOL,):
            case = Case(own, how)
            measured[case] = partial(_stored, bench, case, jobs)
        for peer in peers:
            case = Case(peer.name, how)
            measured[case] = partial(_peer_stored, bench, peer, case, peer.jobs(jobs))
    results = await interleaved(bench.rounds, measured)
    columns = ("queue", "how", "jobs", "jobs/s", "ours / it", *COSTS)
    rows = [_row(case, results) for case in results]
    return [Table("peers: enqueue", columns, [*rows, *left_out(missing, len(columns))])]


def _row(case: Case, results: dict[Case, list[Drained]]) -> tuple[Cell, ...]:
    found = results[case]
    ours = results[Case(ON_POOL, case.how)]
    return (
        case.queue,
        case.how,
        found[0].jobs,
        round(median(rates(found))),
        median_ratio(rates(ours), rates(found)),
        *costs(found),
    )


PEERS_ENQUEUE = Part(
    name="peers-enqueue",
    summary="jobs stored per second by ours and by the peers, one by one and in bulk",
    reading="""
Only when named, as the part peers. One process each, which stores jobs that are due at once; nobody runs
them. One by one: the next call begins when the last has returned. Ours on a pool of one connection of the
user's library, and by DSN; PgQueuer on one connection of asyncpg, the others on the pools that they make by
default. Ours and all but pg-boss wake workers with each job; pg-boss does not unless its queue is told to.
Bulk: schedule_bulk() of all jobs in one call, the making of the specs included; the others' own bulk calls
(addJobs and insert of 5,000 at a time, enqueue of lists of 10,000, batch_defer of 1,000), the making of the
payloads included. Every commit waits for the disk. Ours / it: ours on a pool of one; above 1, ours is faster.
""".strip(),
    measure=measure,
    by_default=False,
)
