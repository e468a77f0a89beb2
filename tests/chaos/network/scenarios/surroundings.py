"""What stands around the database: its disk, and a pooler before it."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from pg_scheduler import ConnectionLost, DatabaseUnavailable, PollingConfig
from tests.chaos.network.plant import TASK, Plant
from tests.chaos.network.small_disk import fill, free, missing, server_on_a_small_disk
from tests.chaos.network.stage import Scenario
from tests.engine.exclusion.bouncer import PROGRAM, bouncer
from tests.support.running import eventually, past

DEAF = PollingConfig(listen=False, interval_without_listen=0.2)


async def disk_full(plant: Plant, size: int) -> None:
    """The disk fills up under running and waiting jobs. Submissions are refused and say why; once there is
    room again everything that was accepted is run."""
    for _ in range(size):
        await plant.submit(10, (500, 4000))
        await plant.all_running(5)
        fill(plant.server)
        plant.faults += 1
        await _submit_until_refused(plant)
        await asyncio.sleep(plant.lease)
        free(plant.server)
        await _up_again(plant)
        await plant.note_recovery(time.monotonic())
        await plant.all_settled()


async def _submit_until_refused(plant: Plant) -> None:
    scheduler = plant.members[0].scheduler
    for _ in range(5000):
        try:
            filler = plant.rng.randbytes(1000).hex()
            handle = await scheduler.schedule(TASK, execution_time=past(), args=(1, filler))
        except (DatabaseUnavailable, ConnectionLost):
            return
        plant.planned.append(str(handle))
    raise AssertionError("nothing proved: the disk did not fill up")


async def _up_again(plant: Plant) -> None:
    """Where there was no room for its own log, the server has stopped: somebody starts it."""

    async def answers() -> bool:
        try:
            await plant.sql("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    try:
        await eventually(answers, 5)
    except AssertionError:
        await asyncio.to_thread(plant.server.start_again)
    await eventually(answers)


async def pooler(plant: Plant, size: int) -> None:
    """Workers behind PgBouncer in transaction mode, whose server connections are ended again and again: all
    that are in the middle of a statement, and half of the others."""
    for _ in range(8 * size):
        await plant.submit(10, (1, 400), by=plant.rng.choice(plant.members))
        submitting = await _end_in_mid_statement(plant)
        await submitting
        await asyncio.sleep(0.1)
    await plant.all_settled()


async def _end_in_mid_statement(plant: Plant) -> asyncio.Task[None]:
    """A lock makes them wait; the submission that is given back is among them."""
    connection = await asyncpg.connect(plant.dsn)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE scheduled_jobs IN SHARE ROW EXCLUSIVE MODE")
            submission = plant.submit(10, (1, 400), by=plant.rng.choice(plant.members))
            submitting = asyncio.create_task(submission)
            await asyncio.sleep(plant.rng.uniform(0.1, 0.5))
            plant.faults += await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend' AND (wait_event_type = 'Lock' OR random() < 0.5)"
            )
    finally:
        await connection.close()
    return submitting


SCENARIOS = (
    Scenario(
        "disk full", "no byte is left on the server's disk", disk_full,
        lease=4.0, missing=missing, own_server=server_on_a_small_disk,
    ),
    Scenario(
        "pooler", "PgBouncer in transaction mode, its connections ended", pooler,
        options={"polling_config": DEAF}, behind=bouncer,
        missing=lambda: None if PROGRAM else "pgbouncer is not installed",
    ),
)  # fmt: skip
