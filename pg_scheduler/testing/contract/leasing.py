"""Leases are kept alive by their owner alone."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewAnswer, RenewRequest
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    RIVAL,
    at,
    but,
    reclaim,
    settle,
    started,
    stored,
)


async def renew(
    driver: Driver, *leases: Lease, worker: str = OWNER, lease: timedelta = LEASE, seconds: float = 20
) -> RenewAnswer:
    """One sign of life."""
    request = RenewRequest(worker, "host", 7, lease, leases)
    return await driver.jobs.renew(request, now=at(seconds))


class TestLeasing:
    """`renew`, `workers` and `forget_worker`."""

    async def test_renewing_extends_the_lease_from_now(self, driver: Driver) -> None:
        job = await started(driver)
        before = await stored(driver)
        answer = await renew(driver, job.lease)
        assert (answer.held, answer.cancel_requested) == (frozenset({job.lease}), frozenset())
        assert await stored(driver) == but(before, lease_until=at(20) + LEASE)

    async def test_all_leases_of_a_worker_are_renewed_at_once(self, driver: Driver) -> None:
        jobs = [await started(driver, f"job {n}") for n in range(5)]
        answer = await renew(driver, *(job.lease for job in jobs))
        assert answer.held == {job.lease for job in jobs}

    async def test_a_lease_that_is_over_can_be_renewed_while_nobody_took_it(self, driver: Driver) -> None:
        job = await started(driver)
        assert (await renew(driver, job.lease, seconds=300)).held == {job.lease}
        assert (await stored(driver)).lease_until == at(300) + LEASE

    async def test_what_is_not_ones_own_is_not_renewed(self, driver: Driver) -> None:
        job = await started(driver)
        before = await stored(driver)
        stale = Lease(job.job_id, job.epoch - 1)
        assert (await renew(driver, stale, Lease("unknown", 1))).held == frozenset()
        assert (await renew(driver, job.lease, worker=RIVAL)).held == frozenset()
        assert await stored(driver) == before

    async def test_a_job_that_has_ended_or_was_taken_back_is_not_renewed(self, driver: Driver) -> None:
        ended, lost = await started(driver, "ended"), await started(driver, "lost")
        await settle(driver, ended, JobEvent.COMPLETE)
        await reclaim(driver, now=at(61))
        assert (await renew(driver, ended.lease, lost.lease, seconds=62)).held == frozenset()
        assert (await stored(driver, "lost")).status is JobStatus.PENDING

    async def test_a_renewal_tells_which_jobs_should_stop(self, driver: Driver) -> None:
        wanted, other = await started(driver, "wanted"), await started(driver, "other")
        await driver.jobs.request_cancel(["wanted"], now=at(1))
        answer = await renew(driver, wanted.lease, other.lease)
        assert answer.held == {wanted.lease, other.lease}
        assert answer.cancel_requested == {wanted.lease}

    async def test_a_sign_of_life_without_leases_makes_the_worker_known(self, driver: Driver) -> None:
        assert (await renew(driver)).held == frozenset()
        await renew(driver, seconds=40)
        (worker,) = await driver.insight.workers()
        assert (worker.worker_id, worker.hostname, worker.pid) == (OWNER, "host", 7)
        assert (worker.started_at, worker.last_seen) == (at(20), at(40))

    async def test_workers_are_listed_by_id_until_they_say_goodbye(self, driver: Driver) -> None:
        for worker_id in ("b", "a", "C"):
            await renew(driver, worker=worker_id)
        assert [worker.worker_id for worker in await driver.insight.workers()] == ["C", "a", "b"]
        await driver.jobs.forget_worker("a")
        await driver.jobs.forget_worker("never seen")
        assert [worker.worker_id for worker in await driver.insight.workers()] == ["C", "b"]

    async def test_a_claim_gives_the_lease_that_was_asked_for(self, driver: Driver) -> None:
        await started(driver)
        assert (await stored(driver)).lease_until == NOON + LEASE

    async def test_a_worker_that_is_not_seen_any_more_is_forgotten(self, driver: Driver) -> None:
        await renew(driver, worker=RIVAL)
        await reclaim(driver, now=at(140))
        assert [worker.worker_id for worker in await driver.insight.workers()] == [RIVAL]
        await reclaim(driver, now=at(141))
        assert await driver.insight.workers() == []
