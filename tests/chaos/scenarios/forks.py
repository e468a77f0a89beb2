"""A server that preloads forks its workers, and they lose the answers to their claims."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import asyncpg

from tests.chaos.journal import Entry, Line, read
from tests.chaos.planning import Kind
from tests.chaos.preloading import CHILDREN, DELIVERIES, OWN, TAG, UNNAMED
from tests.chaos.stage import Scenario, Stage

PATIENCE = 20.0
"""Seconds that the children's own jobs get."""

_LOSE_CLAIMS = (
    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    " AND query LIKE '%marks%' AND state = 'active' LIMIT 1) AS claiming"
)
"""Somebody in mid-claim loses the connection: the claim may be committed, and its answer is not heard."""
PAUSE = (0.1, 0.4)
"""Seconds between two of them, at least and at most."""
_OWN_LEFT = (
    "SELECT count(*) FROM scheduled_jobs WHERE status IN ('pending', 'running') AND job_id NOT LIKE 'job-%'"
)
_UNNAMED = "SELECT count(*) FROM scheduled_jobs WHERE task_data -> 'args' ->> 2 = $1 AND status = 'completed'"


async def lose_claims(stage: Stage) -> None:
    """End connections in mid-claim, now and then, until cancelled."""
    connection = await asyncpg.connect(stage.dsn)
    rng = stage.options.random_for("lost claims")
    try:
        while True:
            await asyncio.sleep(rng.uniform(*PAUSE))
            while not await connection.fetchval(_LOSE_CLAIMS):
                await asyncio.sleep(0.002)
            stage.jumps += 1
    finally:
        await connection.close()


async def _judge(stage: Stage) -> None:
    for _ in range(round(PATIENCE / 0.1)):
        if not await stage.table.value(_OWN_LEFT):
            break
        await asyncio.sleep(0.1)
    else:
        stage.problems.append("jobs of the children themselves were stranded")
    lines = read(stage.journal)
    stage.problems += _wrong_identities(lines) + _wrong_deliveries(lines)
    unnamed = await stage.table.value(_UNNAMED, TAG)
    if unnamed != CHILDREN * UNNAMED:
        stage.problems.append(f"{unnamed} of {CHILDREN * UNNAMED} jobs under ids of the library's own ran")
    if not stage.jumps:
        stage.problems.append("nothing proved: no claim was lost")


def _wrong_identities(lines: list[Line]) -> list[str]:
    pids_by_identity = defaultdict(set)
    for line in lines:
        if line.entry is Entry.UP:
            pids_by_identity[line.worker_id].add(line.pid)
    shared = [identity for identity, pids in pids_by_identity.items() if len(pids) > 1]
    return [f"processes share the identities {shared}"] if shared else []


def _wrong_deliveries(lines: list[Line]) -> list[str]:
    delivered = [line for line in lines if line.entry is Entry.DELIVERED]
    strange = [line for line in delivered if line.job_id.split("-")[:2] != [OWN, line.event]]
    wrong = [f"{len(strange)} jobs ran on the object of another process"] if strange else []
    if len(delivered) != CHILDREN * DELIVERIES:
        wrong.append(f"{len(delivered)} of {CHILDREN * DELIVERIES} jobs of objects ran")
    return wrong


FORKS = Scenario(
    name="forks",
    summary="a preloading server forks workers that lose answers to claims: no sibling's job is given back",
    jobs=1_200,
    kinds=(
        Kind(0.9, (1, 50)),
        # Under way while siblings give back what they do not know.
        Kind(0.1, (1000, 3000), until=0.7),
    ),
    damage=lose_claims,
    seconds=8,
    # Many claims, each of a few jobs.
    launch={"batch": 2, "capacity": 15},
    workers=1,
    program="tests.chaos.preloading",
    afterwards=_judge,
)
