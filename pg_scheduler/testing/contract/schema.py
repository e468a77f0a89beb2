"""Installing and removing the tables."""

from __future__ import annotations

import asyncio

from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver, RenewRequest
from pg_scheduler.testing.contract.scene import LEASE, OWNER, at, brought_to, settle, started, stored


class TestSchema:
    """`install`, `schema_status`, `uninstall`, and the life of the driver."""

    async def test_what_is_installed_is_current(self, driver: Driver) -> None:
        status = await driver.schema_status()
        assert status.current
        assert (status.version, status.missing) == (status.latest, ())

    async def test_installing_again_keeps_every_job(self, driver: Driver) -> None:
        before = await brought_to(driver, JobStatus.RUNNING)
        await driver.install()
        await asyncio.gather(*(driver.install() for _ in range(4)))
        assert await stored(driver) == before

    async def test_uninstalling_removes_everything_and_installing_begins_anew(self, driver: Driver) -> None:
        job = await started(driver)
        await settle(driver, job, JobEvent.FAIL)
        await driver.renew(RenewRequest(OWNER, "host", 1, LEASE, [job.lease]), now=at(20))
        await driver.uninstall()
        await driver.install()
        assert (await driver.jobs(), await driver.attempts("job"), await driver.workers()) == ([], [], [])
        assert (await driver.schema_status()).current

    async def test_opening_twice_is_the_same_as_once(self, driver: Driver) -> None:
        await driver.open()
        await driver.open()
        assert await driver.jobs() == []
