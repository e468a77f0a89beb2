"""There is no act without its record, and no record without its act."""

from __future__ import annotations

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerWish
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.auditing import ADA, DOINGS, scene
from pg_scheduler.testing.contract.scene import LEASE, NOON, OWNER, stored


async def test_what_cannot_be_written_down_is_not_done(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    await scene(driver)
    await sql.execute("ALTER TABLE scheduled_job_audit ADD CONSTRAINT never CHECK (false) NOT VALID")
    for _, do in DOINGS.values():
        with pytest.raises(DatabaseError, match="never"):
            await do(driver, ADA)
    assert [record.task_name for record in await driver.limits.list_limits()] == ["paused"]
    assert [queue.queue for queue in await driver.limits.paused_queues()] == ["held"]
    assert await driver.limits.queue_limits() == []
    answer = await driver.jobs.renew(RenewRequest(OWNER, "host", 7, LEASE, ()), now=NOON)
    assert answer.wish is WorkerWish.WORK
    runs = await stored(driver, "runs")
    assert (runs.status, runs.cancel_requested) == (JobStatus.RUNNING, False)
    assert (await stored(driver, "failed")).status is JobStatus.FAILED
    await driver.close()
