"""Connections that are there and dead, and networks that lose and delay."""

from __future__ import annotations

import asyncio
import re
import time
from functools import partial

from tests.chaos.network.plant import Member, Plant
from tests.chaos.network.proxy import Link
from tests.chaos.network.stage import CLAIM, RENEW, SETTLE, Scenario
from tests.support.running import eventually


def renews(link: Link) -> bool:
    """True of the lease keeper's own connection."""
    return any(re.search(RENEW, text) for text in link.statements)


async def half_open_listen(plant: Plant, size: int) -> None:
    """The LISTEN connections fall silent: they are noticed and made again, and jobs run meanwhile."""
    for _ in range(size):
        await eventually(lambda: all(member.scheduler.worker.listening for member in plant.members))
        began = time.monotonic()
        for member in plant.members:
            plant.faults += member.proxy.silence(lambda link: link.listens)
        await plant.submit_directly(20)
        await eventually(lambda: all(map(_listens_again, plant.members)))
        await plant.note_recovery(max(began, time.monotonic() - 0.01))
        await plant.all_settled()


def _listens_again(member: Member) -> bool:
    return member.scheduler.worker.listening and any(
        link.listens and not link.silent for link in member.proxy.links
    )


async def half_open_pool(plant: Plant, size: int) -> None:
    """Every connection but LISTEN falls silent under running jobs: no lease is lost, and no verdict."""
    for _ in range(size):
        await plant.submit(10, (500, 4000))
        await plant.all_running(5)
        for member in plant.members:
            plant.faults += member.proxy.silence(lambda link: not link.listens)
        await plant.submit_directly(20)
        await plant.all_settled()


async def half_open_lease_keeper(plant: Plant, size: int) -> None:
    """The connection that renews falls silent: another is made before a lease ends."""
    for _ in range(size):
        await plant.submit(4, (6000, 7000))
        await plant.all_running(4)
        for member in plant.members:
            await eventually(partial(_is_renewing, member))
            plant.faults += member.proxy.silence(renews)
        await plant.all_settled()


async def partition_of_one(plant: Plant, size: int) -> int:
    """One worker is cut off for longer than its lease: others take its jobs over, what it writes afterwards
    is refused, and what still runs there is stopped."""
    cost = 0
    for _ in range(size):
        await plant.submit(10, (500, 6000))
        # These end before their lease does, and run elsewhere when what their first worker says gets through.
        await plant.submit(6, (2300, 2600))
        await plant.all_running(14)
        lost = max(plant.members, key=lambda member: len(member.scheduler.active_jobs))
        lost.proxy.partition()
        plant.faults += 1
        cost += sum(run.worker_id == lost.worker_id and run.accepted is None for run in plant.runs)
        await eventually(partial(_taken_over, plant, lost), 30)
        lost.proxy.heal()
        await plant.all_settled()
        mine = [run for run in plant.runs if run.worker_id == lost.worker_id and not run.accepted]
        assert mine, "nothing proved: no attempt of the partitioned worker was stale"
        assert all(run.stopped or run.accepted is False for run in mine)
    return cost


def _is_renewing(member: Member) -> bool:
    return any(map(renews, member.proxy.links))


def _taken_over(plant: Plant, lost: Member) -> bool:
    mine = {run.job_id: run.epoch for run in plant.runs if run.worker_id == lost.worker_id}
    return any(
        run.worker_id != lost.worker_id and run.job_id in mine and run.epoch > mine[run.job_id]
        for run in plant.runs
    )


async def lost_notifications(plant: Plant, size: int) -> None:
    """No NOTIFY arrives: the poll finds what is due."""
    for member in plant.members:
        member.proxy.lose_notifications = True
    for _ in range(3 * size):
        plant.faults += 1
        await plant.submit_directly(50)
        await asyncio.sleep(0.2)
    await plant.all_settled()


async def bad_line(plant: Plant, size: int) -> None:
    """Everything is late, and connections are reset after so many bytes, in the middle of messages: so long
    until claims and verdicts were among what was cut."""
    turns = 0
    while turns < 8 * size or not all(_cut_in(plant, kind) for kind in (CLAIM, SETTLE)):
        turns += 1
        assert turns < 100 * size, "nothing proved: no claim or no verdict was cut"
        member = plant.rng.choice(plant.members)
        member.proxy.delay = plant.rng.uniform(0, 0.02)
        way = plant.rng.choice(("up", "down"))
        member.proxy.cut_after = {way: plant.rng.randint(1000, 60_000)}
        await plant.submit_directly(30)
        await asyncio.sleep(0.4)
    plant.faults += _cut_in(plant, "")
    for member in plant.members:
        member.proxy.cut_after, member.proxy.delay = {}, 0.0
    await plant.all_settled()


def _cut_in(plant: Plant, kind: str) -> int:
    """How many connections were cut that had such a statement last."""
    texts = (text for member in plant.members for text in member.proxy.cut_in)
    return sum(re.search(kind, text, re.IGNORECASE | re.DOTALL) is not None for text in texts)


SCENARIOS = (
    Scenario("half-open LISTEN", "LISTEN connections fall silent without a FIN", half_open_listen),
    Scenario(
        "half-open pool", "pooled connections fall silent under running jobs", half_open_pool, lease=6.0
    ),
    Scenario("half-open renewals", "the connection that renews falls silent", half_open_lease_keeper),
    Scenario("partition", "one worker is cut off for longer than its lease", partition_of_one),
    Scenario("lost notifications", "no NOTIFY arrives", lost_notifications),
    Scenario("bad line", "delays, and resets in the middle of messages", bad_line, lease=6.0),
)
