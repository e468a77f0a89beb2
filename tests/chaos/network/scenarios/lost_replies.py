"""The server does it and commits; the answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pg_scheduler_postgres.submitting import WORTH_COPYING
from tests.chaos.network.plant import TASK, Member, Plant
from tests.chaos.network.proxy import Loss, Trap
from tests.chaos.network.stage import ADVANCE, CLAIM, SETTLE, SUBMIT, Scenario
from tests.support.running import eventually, past

SHARED = SUBMIT.replace("|VALUES", "")
"""A statement that stores several jobs."""


async def _lose(plant: Plant, size: int, pattern: str) -> None:
    """Let jobs flow, and lose this kind of statement again and again: its answer mostly, sometimes itself."""
    for turn in range(4 * size):
        loss = Loss.QUERY if turn % 4 == 3 else Loss.REPLY
        trap = plant.rng.choice(plant.members).proxy.lose(pattern, loss)
        while not trap.hit.is_set():
            # One statement's worth, or a whole transaction.
            await plant.submit(plant.rng.choice((1, 20)), by=plant.rng.choice(plant.members))
            await asyncio.sleep(0.01)
        plant.faults += 1
    await plant.all_settled()


async def lose_submissions(plant: Plant, size: int) -> None:
    """A single job, jobs side by side that share statements, some at once, and as many as are copied within a
    transaction: mostly the answer, sometimes the statement itself."""
    ways: tuple[tuple[str, Callable[[Member], Awaitable[None]]], ...] = (
        (SUBMIT, lambda by: _side_by_side(plant, 1, by)),
        (SHARED, lambda by: _side_by_side(plant, 50, by)),
        (SUBMIT, lambda by: plant.submit(20, by=by)),
        ("^COMMIT", lambda by: plant.submit(WORTH_COPYING, by=by)),
    )
    for turn in range(8 * size):
        pattern, submit = ways[turn % len(ways)]
        by = plant.rng.choice(plant.members)
        trap = by.proxy.lose(pattern, Loss.QUERY if turn % 8 >= 4 else Loss.REPLY)
        await submit(by)
        assert trap.snapped, f"nothing proved: no statement was like {pattern}"
        plant.faults += 1
    await plant.all_settled()


async def _side_by_side(plant: Plant, number: int, by: Member) -> None:
    submissions = (by.scheduler.schedule(TASK, execution_time=past(), args=(1,)) for _ in range(number))
    plant.planned += map(str, await asyncio.gather(*submissions))


async def lose_claims(plant: Plant, size: int) -> None:
    """Jobs that are leased to a worker which has never heard of them."""
    await _lose(plant, size, CLAIM)
    lapsed = await plant.sql("SELECT job_id FROM scheduled_jobs WHERE crash_count > 0")
    assert not lapsed, f"{len(lapsed)} claimed jobs had to wait until their lease was over"


async def lose_verdicts(plant: Plant, size: int) -> None:
    """Jobs that are completed for a worker which believes that they are not."""
    await _lose(plant, size, SETTLE)
    refused = [run for run in plant.runs if run.accepted is False]
    assert not refused, f"{len(refused)} own verdicts were taken for stale ones, the first: {refused[0]}"


async def lose_windows(plant: Plant, size: int) -> None:
    """Windows that are staged by a worker which believes that they are not."""
    await plant.begin_windows()
    for turn in range(4 * size):
        windows = await plant.windows()
        loss = Loss.QUERY if turn % 3 == 2 else Loss.REPLY
        traps = [member.proxy.lose(ADVANCE, loss) for member in plant.members]
        await eventually(partial(_one_was_hit, traps))
        for trap in traps:
            trap.left = 0
        plant.faults += 1
        await plant.another_window(windows)
    await plant.end_windows()
    await plant.all_settled()


def _one_was_hit(traps: Sequence[Trap]) -> bool:
    return any(trap.hit.is_set() for trap in traps)


SCENARIOS = (
    Scenario("lost submissions", "the answer to a submission, or to its COMMIT, is lost", lose_submissions),
    Scenario("lost claims", "the answer to a claim is lost", lose_claims, lease=30.0),
    Scenario("lost verdicts", "the answer to a settle is lost", lose_verdicts, lease=30.0),
    Scenario("lost windows", "the answer to the staging of a window is lost", lose_windows),
)
