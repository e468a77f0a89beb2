"""Another server takes over: as planned, after a crash, and without the latest commits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from tests.chaos.network.plant import TASK, Plant, Run
from tests.chaos.network.stage import Scenario
from tests.support.cluster import Cluster, missing_for_cluster
from tests.support.running import eventually

Play = Callable[[Plant, int], Awaitable[int | None]]


async def failover(plant: Plant, size: int) -> None:
    """The primary crashes while jobs run, begin and end, and windows fall due; the replica has all that was
    confirmed. The crashed one comes back as a replica, and is the next to take over."""
    cluster = plant.cluster
    await plant.begin_windows()
    for _ in range(size):
        await plant.submit(8, (1000, 3500))
        await plant.all_running(8)
        brisk = asyncio.create_task(plant.submit_whatever_comes(20))
        await asyncio.sleep(plant.rng.uniform(0, 0.3))
        windows = await plant.windows()
        await asyncio.to_thread(cluster.crash)
        plant.faults += 1
        await asyncio.sleep(plant.rng.uniform(0, 1))
        await asyncio.to_thread(cluster.promote)
        await plant.note_recovery(time.monotonic())
        await brisk
        await plant.another_window(after=windows)
        await asyncio.to_thread(cluster.rejoin)
        await plant.all_settled()
    await plant.end_windows()
    await plant.all_settled()


async def switchover(plant: Plant, size: int) -> None:
    """The primary hands over as planned and comes back as a replica: nothing is lost, though nobody waits for
    the replica with each commit."""
    cluster = plant.cluster
    await plant.begin_windows()
    for _ in range(size):
        await plant.submit(8, (500, 2000))
        await plant.all_running(8)
        brisk = asyncio.create_task(plant.submit_whatever_comes(20))
        await asyncio.sleep(plant.rng.uniform(0, 0.3))
        windows = await plant.windows()
        switching = asyncio.create_task(asyncio.to_thread(cluster.switch_over))
        plant.faults += 1
        await switching
        await plant.note_recovery(time.monotonic())
        await brisk
        await plant.another_window(after=windows)
        await plant.all_settled()
    await plant.end_windows()
    await plant.all_settled()


async def lagging_replica(plant: Plant, size: int) -> int:
    """The replica that takes over lacks the latest commits: jobs that were stored are gone, jobs that were
    claimed wait again while they run, jobs that were done run again. No attempt that it knows nothing of can
    write."""
    cluster, extra = plant.cluster, 0
    await plant.begin_windows()
    for _ in range(size):
        await plant.submit(4, (6000, 7000))
        await plant.all_running(4)
        await _submit_later(plant, 8, seconds=1.0, milliseconds=1)
        await _submit_later(plant, 8, seconds=1.5, milliseconds=4000)
        windows = await plant.windows()
        await plant.another_window(after=windows)
        await asyncio.to_thread(cluster.catch_up)
        await asyncio.to_thread(cluster.cut)
        stored = len(plant.planned)
        await plant.submit(5)
        gone = plant.planned[stored:]
        await plant.all_running(12)
        await eventually(partial(_all_done, plant, gone))
        await asyncio.to_thread(cluster.crash)
        plant.faults += 1
        before = list(plant.runs)
        await asyncio.to_thread(cluster.promote)
        back = time.monotonic()
        del plant.planned[stored:]
        extra += await _forget(plant, before)
        await plant.note_recovery(back)
        await plant.all_settled()
        await asyncio.to_thread(cluster.rejoin)
    await plant.end_windows()
    await plant.all_settled()
    return extra


async def _submit_later(plant: Plant, number: int, seconds: float, milliseconds: int) -> None:
    """Jobs that are stored now, and claimed when the replica hears nothing any more."""
    rows = await plant.sql(
        "INSERT INTO scheduled_jobs (job_name, execution_time, task_data)"
        " SELECT $1, now() + make_interval(secs => $4),"
        """ jsonb_build_object('args', jsonb_build_array($3::int), 'kwargs', '{}'::jsonb)"""
        " FROM generate_series(1, $2::int) RETURNING job_id",
        TASK, number, milliseconds, seconds,
    )  # fmt: skip
    plant.planned += [row["job_id"] for row in rows]


def _all_done(plant: Plant, jobs: list[str]) -> bool:
    done = {run.job_id for run in plant.runs if run.accepted}
    return done.issuperset(jobs)


async def _forget(plant: Plant, before: list[Run]) -> int:
    """Mark what the new primary knows nothing of; how many starts that may cost."""
    ended = {
        (row["job_id"], row["epoch"])
        for row in await plant.sql("SELECT job_id, epoch FROM scheduled_jobs WHERE status = 'completed'")
    }
    done = [run for run in before if run.accepted]
    for run in done:
        run.forgotten = (run.job_id, run.epoch) not in ended
    forgotten, lost = sum(run.forgotten for run in done), sum(run.accepted is None for run in before)
    assert forgotten, "nothing proved: no completion was forgotten"
    assert lost, "nothing proved: nothing ran whose claim was forgotten"
    return forgotten + lost


def _scenario(name: str, summary: str, play: Play, *, synchronous: bool = False) -> Scenario:
    return Scenario(
        name,
        summary,
        play,
        own_server=lambda: Cluster(synchronous=synchronous),
        proxied=False,
        workers=3,
        lease=6.0,
        missing=missing_for_cluster,
    )


SCENARIOS = (
    _scenario(
        "failover", "the primary crashes, and its synchronous replica takes over", failover, synchronous=True
    ),
    _scenario("switchover", "primary and replica change places as planned", switchover),
    _scenario("lagging replica", "a replica takes over that lacks the latest commits", lagging_replica),
)
