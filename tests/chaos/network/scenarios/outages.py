"""The server goes away under live workers, and comes back."""

from __future__ import annotations

import asyncio
import time

from pg_scheduler.engine.service import MAX_PAUSE_WITHOUT_DATABASE
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.plant import Plant
from tests.chaos.network.stage import Scenario
from tests.support.running import eventually

CRASH_SAFE = {"fsync": "off", "full_page_writes": "off"}
"""Quick, but what the server has committed survives its own crash."""

LATER = MAX_PAUSE_WITHOUT_DATABASE + 0.2
"""Seconds by which one comes back after the other: the first one's services have noticed by then. With a
renewal's pause it is less than half a lease, for which the first one waits."""

CUT_ALL = (
    "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


async def long_outage(plant: Plant, size: int) -> None:
    """The network is gone for longer than a lease, for everybody. It comes back for one after the other: no
    job is taken from a worker that lives."""
    for _ in range(size):
        away = plant.lease * 1.7
        # Some end during the outage: their verdicts are kept.
        await plant.submit(6, (int(away * 300), int(away * 700)))
        await plant.submit(6, (int(away * 1500), int(away * 1600)))
        await plant.all_running(12)
        # Who holds the least comes back first, and could take the rest.
        members = sorted(plant.members, key=lambda member: len(member.scheduler.active_jobs))
        for member in members:
            await member.proxy.refuse()
            member.proxy.reset()
        plant.faults += 1
        await asyncio.sleep(away)
        first, *others = members
        await first.proxy.accept()
        recovery = asyncio.create_task(plant.note_recovery(time.monotonic()))
        # From here, not from the first job that ends: who is back waits half a lease for the others.
        await asyncio.sleep(LATER)
        for member in others:
            await member.proxy.accept()
        await recovery
        await plant.all_settled()


async def crashes_of_the_server(plant: Plant, size: int) -> None:
    """The server crashes and starts again, at once or after longer than a lease; a worker that has never seen
    the others joins right after it, and before they reach it."""
    for turn in range(2 * size):
        away = plant.lease * 1.5 if turn % 2 else 0.0
        await plant.submit(8, (int(1000 * (away + 4)), int(1000 * (away + 6))))
        await plant.all_running(8)
        others = plant.members[:]
        for member in others:
            await member.proxy.refuse()
        await asyncio.to_thread(plant.server.halt, "immediate")
        plant.faults += 1
        await asyncio.sleep(away)
        await asyncio.to_thread(plant.server.start_again)
        joining = asyncio.create_task(plant.add())
        await asyncio.sleep(LATER)
        back = time.monotonic()
        for member in others:
            await member.proxy.accept()
        await plant.note_recovery(back)
        newcomer = await joining
        await plant.all_settled()
        plant.members.remove(newcomer)
        await newcomer.leave()


async def terminated_backends(plant: Plant, size: int) -> None:
    """Every connection is ended by the server, again and again, under jobs longer than two leases. In the end
    everybody listens again."""
    await plant.submit(6, (7000, 8000 * size))
    await plant.all_running(6)
    for _ in range(12 * size):
        (row,) = await plant.sql(CUT_ALL)
        plant.faults += row["cut"]
        await plant.submit_directly(20)
        await asyncio.sleep(plant.rng.uniform(0.05, 0.4))
    await plant.all_settled()
    await eventually(lambda: all(member.scheduler.worker.listening for member in plant.members))


SCENARIOS = (
    Scenario("long outage", "no way to the database for longer than a lease", long_outage, lease=6.0),
    Scenario(
        "server crashes",
        "immediate restarts, and a newcomer after each",
        crashes_of_the_server,
        lease=8.0,
        own_server=lambda: EmbeddedServer(settings=CRASH_SAFE),
    ),
    Scenario("ended backends", "pg_terminate_backend of everything, again and again", terminated_backends),
)
