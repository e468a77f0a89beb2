"""A transaction that nobody ends keeps every dead row in place while workers die."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.chaos.planning import Kind
from tests.chaos.scenarios.kills import kill_one_every_second
from tests.chaos.stage import Scenario, Stage


async def kill_beside_an_open_transaction(stage: Stage) -> None:
    """Hold a snapshot open, and kill, until cancelled."""
    holder = await asyncpg.connect(stage.dsn)
    try:
        async with holder.transaction(isolation="repeatable_read"):
            await holder.execute("CREATE TABLE pinned (); SELECT txid_current()")
            await kill_one_every_second(stage)
    finally:
        # The cancellation may have come within a query; nothing of this is to be kept anyway.
        holder.terminate()
        await asyncio.sleep(0)


PINNED = Scenario(
    name="pinned xmin",
    summary="kills while a transaction is held open from beginning to end",
    jobs=3_000,
    kinds=(Kind(0.95, (1, 5)), Kind(0.05, (500, 1000))),
    damage=kill_beside_an_open_transaction,
    must_show=("in_flight",),
    seconds=8,
)
