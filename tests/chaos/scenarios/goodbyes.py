"""Workers are told to leave while they have their hands full."""

from __future__ import annotations

import asyncio

from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage

FULL = 50
GRACE = 1.5
"""Seconds that running jobs get."""


async def terminate_full_workers(stage: Stage) -> None:
    """SIGTERM a worker as soon as it runs `FULL` jobs, look what it left, and again, until cancelled."""
    while True:
        await asyncio.sleep(0.05)
        pid, busiest = stage.busiest()
        if busiest < FULL:
            continue
        member = next(member for member in stage.crew.members if member.pid == pid)
        worker_id = stage.identity(pid)
        stage.crew.terminate(member)
        await stage.crew.gone()
        still = await stage.table.value(
            "SELECT count(*) FROM scheduled_jobs WHERE status = 'running' AND worker_id = $1", worker_id
        )
        if still:
            stage.problems.append(f"{still} jobs look running after their worker has left")


GOODBYES = Scenario(
    name="SIGTERM",
    summary=f"workers with {FULL} running jobs are told to leave: each job ends or is released at once",
    jobs=1_200,
    kinds=(Kind(0.9, (300, 1400)), Kind(0.1, (2500, 4000))),
    damage=terminate_full_workers,
    must_show=("in_flight",),
    seconds=12,
    launch={"capacity": FULL, "grace": GRACE},
    workers=2,
)
