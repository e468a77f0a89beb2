"""Plays one scenario with one library."""

from __future__ import annotations

import random
from dataclasses import replace

from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.findings import Findings, judge
from tests.chaos.network.leaks import Before
from tests.chaos.network.plant import plant
from tests.chaos.network.stage import Scenario, impatience

RECOVERY = 2.0
"""Seconds from the moment at which the database is back to the next completed job."""


async def play(
    scenario: Scenario,
    server: EmbeddedServer,
    dsn: str,
    library: str,
    seed: int,
    size: int = 1,
    recovery: float = RECOVERY,
) -> Findings:
    """On an empty database. Everything that the scenario made is gone afterwards, or named as a problem."""
    rng = random.Random(f"{seed} {scenario.name}")
    before = Before.now()
    failure = None
    with impatience(library):
        async with plant(server, dsn, library, rng, scenario.lease, scenario.workers) as made:
            allowed = 0
            try:
                allowed = await scenario.play(made, size) or 0
            except AssertionError as error:
                failure = str(error).partition("\n")[0]
            for member in made.members:
                member.proxy.heal()
                member.proxy.traps.clear()
        found = await judge(made, scenario.name, seed, allowed, recovery)
    leaks = await before.leaks(dsn)
    problems = [*found.problems, *([failure] if failure else []), *(f"left behind: {leak}" for leak in leaks)]
    return replace(found, problems=tuple(problems))
