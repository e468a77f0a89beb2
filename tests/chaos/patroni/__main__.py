"""``python -m tests.chaos.patroni``: one line per scenario and library, exit 1 if an invariant was broken.

Patroni and etcd decide who leads: a crash of the primary, a planned switchover, a network that keeps workers
from the primary, and one that keeps the primary from everybody; each time the old primary comes back.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import Sequence

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.findings import HEADING, READING, Findings
from tests.chaos.network.plant import Plant
from tests.chaos.network.play import play
from tests.chaos.network.scenarios.failovers import Play, failover, switchover
from tests.chaos.network.stage import Scenario
from tests.chaos.patroni.cluster import PatroniCluster, missing_for_patroni

LIBRARIES: tuple[Library, ...] = ("asyncpg", "psycopg")


def _cluster(plant: Plant) -> PatroniCluster:
    assert isinstance(plant.host, PatroniCluster)
    return plant.host


async def workers_kept_out(plant: Plant, size: int) -> None:
    """Workers reach the replica alone, and wait; the primary goes on leading."""
    cluster = _cluster(plant)
    await plant.begin_windows()
    for _ in range(size):
        await plant.submit(8, (1000, 3500))
        await plant.all_running(8)
        windows = await plant.windows()
        await asyncio.to_thread(cluster.keep_workers_out)
        plant.faults += 1
        await asyncio.sleep(plant.rng.uniform(2, 5))
        await asyncio.to_thread(cluster.reunite)
        await plant.note_recovery(time.monotonic())
        await plant.another_window(after=windows)
        await plant.all_settled()
    await plant.end_windows()
    await plant.all_settled()


async def primary_alone(plant: Plant, size: int) -> None:
    """The primary reaches nobody: it gives up leading, and the other one takes over. Then it comes back."""
    cluster = _cluster(plant)
    await plant.begin_windows()
    for _ in range(size):
        await plant.submit(8, (1000, 3500))
        await plant.all_running(8)
        windows = await plant.windows()
        await asyncio.to_thread(cluster.isolate)
        plant.faults += 1
        await asyncio.to_thread(cluster.promote)
        await plant.note_recovery(time.monotonic())
        await plant.another_window(after=windows)
        await asyncio.to_thread(cluster.reunite)
        await asyncio.to_thread(cluster._replicate)
        await plant.all_settled()
    await plant.end_windows()
    await plant.all_settled()


def _scenario(name: str, summary: str, played: Play) -> Scenario:
    return Scenario(name, summary, played, own_server=PatroniCluster, proxied=False, workers=3, lease=60.0)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _scenario("crash", "the primary and its Patroni are killed", failover),
        _scenario("switchover", "as asked of Patroni", switchover),
        _scenario("workers kept out", "workers do not reach the primary", workers_kept_out),
        _scenario("primary alone", "the primary reaches neither workers nor etcd", primary_alone),
    )
}


async def played(chosen: argparse.Namespace, seed: int, server: EmbeddedServer) -> list[Findings]:
    """Every chosen scenario, by each library."""
    found = []
    for name in chosen.scenario or SCENARIOS:
        for library in LIBRARIES if chosen.library is None else (chosen.library,):
            found.append(await play(SCENARIOS[name], server, library, seed, chosen.size))
            print(found[-1].line(), flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 if nothing was lost, doubled or left behind, or if it cannot be played here."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.patroni", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--library", choices=LIBRARIES)
    parser.add_argument("--size", type=int, default=1, help="turns of each")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--verbose", action="store_true", help="show what the library logs")
    chosen = parser.parse_args(arguments)
    if missing := missing_for_patroni():
        print(f"skipped: {missing}")
        return 0
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    if chosen.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    else:
        logging.disable(logging.CRITICAL)
    print(HEADING, flush=True)
    with EmbeddedServer() as server:
        found = asyncio.run(played(chosen, seed, server))
    print(READING)
    return int(any(one.problems for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
