"""Plays scenarios with one library: one after the other, or all at once."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace
from functools import partial

from pg_scheduler import PgSchedulerError
from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.findings import Findings, judge
from tests.chaos.network.leaks import Before, left_in_database
from tests.chaos.network.plant import Plant, started
from tests.chaos.network.stage import Scenario, impatience
from tests.support.databases import give_back, new_database
from tests.support.running import eventually

RECOVERY = 2.0
"""Seconds from the moment at which the database is back to the next completed job."""


async def play(
    scenario: Scenario, server: EmbeddedServer, library: Library, seed: int, size: int = 1
) -> Findings:
    """On a new database. What the scenario leaves behind is named as a problem."""
    (found,) = await play_at_once([scenario], server, library, seed, size)
    return found


async def play_at_once(
    scenarios: Sequence[Scenario],
    server: EmbeddedServer,
    library: Library,
    seed: int,
    size: int = 1,
    recovery: float = RECOVERY,
) -> list[Findings]:
    """Each on a database of its own, side by side: they wait for most of their time."""
    before = Before.now()
    # One after the other, or the tables of the last would take longer than impatience allows.
    starting = asyncio.Lock()
    with impatience(library):
        found = await asyncio.gather(
            *(_play(scenario, server, library, seed, size, recovery, starting) for scenario in scenarios)
        )
    left = [f"left behind: {what}" for what in await before.left_here()]
    return [replace(one, problems=(*one.problems, *left)) for one in found]


async def _play(
    scenario: Scenario,
    server: EmbeddedServer,
    library: Library,
    seed: int,
    size: int,
    recovery: float,
    starting: asyncio.Lock,
) -> Findings:
    with scenario.own_server() if scenario.own_server else nullcontext(server) as its_server:
        dsn = await new_database(its_server)
        with scenario.behind(its_server.port) if scenario.behind else nullcontext(its_server.port) as port:
            await eventually(partial(_open, port))
            rng = random.Random(f"{seed} {scenario.name}")
            plant = Plant(
                its_server, dsn, library, rng, scenario.lease, port, scenario.options or {}, scenario.proxied
            )
            found = await _harm_and_judge(scenario, plant, seed, size, recovery, starting)
        left = [f"left behind: {what}" for what in await left_in_database(dsn)]
        if scenario.own_server is None:
            await give_back(server, dsn)
    return replace(found, problems=(*found.problems, *left))


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _harm_and_judge(
    scenario: Scenario, plant: Plant, seed: int, size: int, recovery: float, starting: asyncio.Lock
) -> Findings:
    failure: tuple[str, ...] = ()
    allowed = 0
    async with AsyncExitStack() as stack:
        async with starting:
            await stack.enter_async_context(started(plant, scenario.workers))
        try:
            allowed = await scenario.play(plant, size) or 0
        except AssertionError as error:
            failure = (str(error).partition("\n")[0],)
        except PgSchedulerError as error:
            # A call of the scenario's own that the library should have seen through.
            failure = (f"{type(error).__name__}: {error}".partition("\n")[0],)
        for member in plant.members:
            member.proxy.heal()
            member.proxy.traps.clear()
    found = await judge(plant, scenario.name, seed, allowed, recovery)
    return replace(found, problems=(*found.problems, *failure))
