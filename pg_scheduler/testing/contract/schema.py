"""Installing and removing the tables."""

from __future__ import annotations

import asyncio

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.scene import LEASE, OWNER, at, brought_to, settle, started, stored


class TestSchema:
    """`install`, `schema_status`, `uninstall`, and the life of the driver."""

    async def test_what_is_installed_is_current(self, driver: Driver) -> None:
        status = await driver.schema.status()
        assert status.current
        assert (status.version, status.missing) == (status.latest, ())

    async def test_installing_again_keeps_every_job(self, driver: Driver) -> None:
        before = await brought_to(driver, JobStatus.RUNNING)
        await driver.schema.install()
        await asyncio.gather(*(driver.schema.install() for _ in range(4)))
        assert await stored(driver) == before

    async def test_uninstalling_removes_everything_and_installing_begins_anew(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.FAIL)
        await driver.jobs.renew(RenewRequest(OWNER, "host", 1, LEASE, [job.lease]), now=at(20))
        await driver.schema.uninstall()
        await driver.schema.install()
        assert (
            await driver.insight.jobs(),
            await driver.insight.attempts("job"),
            await driver.insight.workers(),
        ) == ([], [], [])
        assert (await driver.schema.status()).current

    async def test_opening_twice_is_the_same_as_once(self, driver: Driver) -> None:
        await driver.open()
        await driver.open()
        assert await driver.insight.jobs() == []
