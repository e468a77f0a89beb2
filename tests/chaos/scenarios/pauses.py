"""Workers freeze for longer than their lease and come back with old news."""

from __future__ import annotations

import asyncio

from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage


async def pause_one_after_the_other(stage: Stage) -> None:
    """Stop a worker that has jobs for one and a half to two and a half leases, until cancelled."""
    rng = stage.options.random_for("victims")
    while True:
        await asyncio.sleep(0.5)
        # The choice is among those that do something; a worker that starts up has nothing to lose.
        busy = stage.busy()
        if busy:
            await stage.crew.pause(rng.choice(busy), stage.options.lease * rng.uniform(1.5, 2.5))


PAUSES = Scenario(
    name="pauses",
    summary="a worker is stopped for longer than its lease, then goes on",
    jobs=1_500,
    kinds=(
        Kind(0.75, (1, 5)),
        Kind(0.10, (500, 1000)),
        # Recovered, the job fails and waits for its retry: pending, of a later epoch than the frozen
        # attempt's, which is the one moment at which an unfenced completion would do harm unnoticed.
        Kind(0.15, (500, 1000), failing_attempt=2),
    ),
    damage=pause_one_after_the_other,
    must_show=("in_flight", "refused"),
    seconds=15,
)
