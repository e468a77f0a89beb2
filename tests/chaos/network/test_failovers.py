"""What a replica that takes over changes, step by step. The scenarios `failovers` show it under load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import asyncpg
import psycopg
import pytest

from pg_scheduler import ConnectionLost, JobStatus, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.ports.leases import ReclaimRequest
from pg_scheduler.testing.contract.scene import claimed, new, stored, submit
from tests.support.cluster import Cluster, missing_for_cluster
from tests.support.running import BriskScheduler, eventually, idle, past

pytestmark = pytest.mark.slow

PATIENCE = timedelta(seconds=1)


@pytest.fixture(scope="module")
def replicated() -> Iterator[Cluster]:
    """Asynchronously."""
    missing = missing_for_cluster()
    if missing:
        pytest.skip(missing)
    with Cluster(synchronous=False) as made:
        yield made


@pytest.fixture
def cluster(replicated: Cluster) -> Cluster:
    """Whole again after the failover of another test, and empty."""
    if not replicated.whole:
        replicated.rejoin()
    replicated.primary.sql("DROP SCHEMA public CASCADE")
    replicated.primary.sql("CREATE SCHEMA public")
    return replicated


@asynccontextmanager
async def transaction(dsn: str, library: Library) -> Any:
    """On a connection of its own."""
    if library == "psycopg":
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            yield connection
        return
    made = await asyncpg.connect(dsn)
    try:
        async with made.transaction():
            yield made
    finally:
        await made.close()


async def test_an_effect_that_a_failover_forgets_happens_again_and_so_once(
    cluster: Cluster, library: Library
) -> None:
    """The function has committed and goes on while another server takes over. Its job must not be completed
    by its return: the effect is gone."""
    cluster.primary.sql("CREATE TABLE effects (what text)")
    runs, go_on = [], asyncio.Event()

    async def job() -> None:
        runs.append(current_job().attempt)
        async with transaction(cluster.dsn, library) as connection:
            await connection.execute("INSERT INTO effects VALUES ('paid')")
            await current_job().complete_in(connection)
        if len(runs) == 1:
            await go_on.wait()

    async with idle(BriskScheduler.connect(cluster.dsn, library=library)) as scheduler:
        scheduler.register(job, name="pay")
        handle = await scheduler.schedule("pay", execution_time=past())
        await asyncio.to_thread(cluster.catch_up)
        await asyncio.to_thread(cluster.cut)
        await scheduler.start()  # only now: what it does is on the primary alone
        await eventually(lambda: cluster.primary.sql("SELECT count(*) FROM effects") == [(1,)])
        await asyncio.to_thread(cluster.crash)
        await asyncio.to_thread(cluster.promote)
        assert cluster.primary.sql("SELECT count(*) FROM effects") == [(0,)]
        go_on.set()
        assert await handle.wait(timeout=30) is JobStatus.COMPLETED
    assert cluster.primary.sql("SELECT count(*) FROM effects") == [(1,)]
    assert len(runs) == 2


async def test_who_starts_after_a_failover_takes_no_job_from_a_worker_that_finds_its_way(
    cluster: Cluster,
) -> None:
    """The newcomer knows of no outage, and the server has run for long. The worker's last renewal was a while
    before the crash, so its lease is over; it still gets what a lease would have lasted from there."""
    driver = driver_over(cluster.dsn, library="asyncpg")
    await driver.open()
    await driver.schema.install()
    try:
        await submit(driver, new())
        job = await claimed(driver)
        cluster.primary.sql(
            "UPDATE scheduled_jobs SET last_heartbeat = now() - interval '4s',"
            " lease_until = now() - interval '1s'"
        )
        await asyncio.to_thread(cluster.catch_up)
        # Not because the server has only just started.
        cluster.replica.wait_for("SELECT now() > pg_postmaster_start_time() + interval '1.5s'")
        await asyncio.to_thread(cluster.crash)
        await asyncio.to_thread(cluster.promote)
        request = ReclaimRequest(timedelta(seconds=60), 5, after_restart=PATIENCE)

        async def taken() -> list[str]:
            while True:
                with suppress(ConnectionLost):  # those to the server that is gone
                    return [one.job_id for one in (await driver.jobs.reclaim_expired(request)).jobs]

        assert await taken() == []

        async def taken_at_last() -> bool:
            return await taken() == [job.job_id]

        await eventually(taken_at_last)
        assert (await stored(driver)).crash_count == 1
    finally:
        await driver.close()
