"""Workers die without a word, one every second."""

from __future__ import annotations

import asyncio

from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage

INTERVAL = 1.0
"""Seconds between kills."""


async def kill_one_every_second(stage: Stage) -> None:
    """SIGKILL a worker chosen by chance and replace it at once, until cancelled."""
    rng = stage.options.random_for("victims")
    while True:
        await asyncio.sleep(INTERVAL)
        stage.crew.kill(rng.choice(stage.crew.members))


KILLS = Scenario(
    name="kills",
    summary="one of the workers is killed every second and replaced at once",
    jobs=7_500,
    kinds=(
        Kind(0.945, (1, 5)),
        Kind(0.05, (500, 1000)),
        # Longer than the lease: they end at all only because it is renewed.
        Kind(0.005, (2500, 3000), until=0.5),
    ),
    damage=kill_one_every_second,
    must_show=("in_flight",),
    seconds=15,
)
