"""What workers say of themselves, and what is asked of them."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.workers import (
    NOTHING_NEW,
    SignOfLife,
    WishAnswer,
    WorkerProfile,
    WorkerState,
    WorkerWish,
)
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewAnswer, RenewRequest
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.scene import LEASE, NOON, OWNER, RIVAL, at, new, started, submit
from pg_scheduler.testing.contract.signals import listening, next_of

PROFILE = WorkerProfile(
    task_names=("a", "ä", "task"),
    chosen=("a",),
    queues={"mail": 3, "bulk": None},
    capacity=5,
    app_version="1.4",
    library_version="0.3.0",
)


async def renew(
    driver: Driver, *leases: Lease, worker: str = OWNER, seconds: float = 0, says: SignOfLife = NOTHING_NEW
) -> RenewAnswer:
    """One sign of life."""
    return await driver.jobs.renew(RenewRequest(worker, "host", 7, LEASE, leases, says), now=at(seconds))


class TestAskingWorkers:
    """`renew`, `workers` and `ask_worker`."""

    async def test_a_worker_says_once_what_it_knows(self, driver: Driver) -> None:
        assert not (await renew(driver, says=SignOfLife(profile=PROFILE))).profile_missing
        assert not (await renew(driver, seconds=20)).profile_missing
        (worker,) = await driver.insight.workers(now=at(20))
        assert worker.profile == PROFILE

    async def test_what_it_knows_may_change_and_what_serves_everything_is_kept_apart(
        self, driver: Driver
    ) -> None:
        for names in (("a",), ("a", "b")):
            await renew(driver, says=SignOfLife(profile=WorkerProfile(names, capacity=1)))
        (worker,) = await driver.insight.workers(now=NOON)
        assert worker.profile == WorkerProfile(("a", "b"), capacity=1)

    async def test_one_that_was_forgotten_is_told_to_say_it_again(self, driver: Driver) -> None:
        assert (await renew(driver)).profile_missing
        await renew(driver, says=SignOfLife(profile=PROFILE))
        await driver.jobs.forget_worker(OWNER)
        assert (await renew(driver)).profile_missing
        (worker,) = await driver.insight.workers(now=NOON)
        assert worker.profile is None

    async def test_what_it_does_is_said_with_every_renewal(self, driver: Driver) -> None:
        await renew(driver, says=SignOfLife(WorkerState.WORKING, True))
        (worker,) = await driver.insight.workers(now=NOON)
        assert (worker.state, worker.listening) == (WorkerState.WORKING, True)
        await renew(driver, says=SignOfLife(WorkerState.STOPPING, False))
        (worker,) = await driver.insight.workers(now=NOON)
        assert (worker.state, worker.listening, worker.claims) == (WorkerState.STOPPING, False, False)

    async def test_a_worker_is_alive_until_its_lease_is_over(self, driver: Driver) -> None:
        await renew(driver)
        for seconds, alive in ((60, True), (60.001, False)):
            (worker,) = await driver.insight.workers(now=at(seconds))
            assert (worker.alive, worker.claims) == (alive, alive)
            assert abs(worker.seen_ago - timedelta(seconds=seconds)) < timedelta(milliseconds=0.1)

    async def test_what_runs_is_counted_by_worker(self, driver: Driver) -> None:
        await started(driver, "1")
        await started(driver, "2")
        await submit(driver, new("waits"))
        for worker_id in (OWNER, RIVAL):
            await renew(driver, worker=worker_id)
        owner, rival = await driver.insight.workers(now=NOON)
        assert (owner.running, owner.oldest_start) == (2, NOON)
        assert (rival.running, rival.oldest_start) == (0, None)

    async def test_a_wish_is_answered_with_every_renewal_until_it_changes(self, driver: Driver) -> None:
        job = await started(driver)
        assert (await renew(driver, job.lease)).wish is WorkerWish.WORK
        await renew(driver, worker=RIVAL)
        for wish in (WorkerWish.QUIET, WorkerWish.WORK, WorkerWish.STOP):
            assert await driver.steering.ask_worker(OWNER, wish) is WishAnswer.CHANGED
            assert await driver.steering.ask_worker(OWNER, wish) is WishAnswer.UNCHANGED
            for leases in ([job.lease], [], [Lease("unknown", 1)]):
                answer = await renew(driver, *leases)
                assert (answer.wish, len(answer.held)) == (wish, int(leases == [job.lease]))
            worker = (await driver.insight.workers(now=NOON))[0]
            assert (worker.wish, worker.claims) == (wish, wish is WorkerWish.WORK)
        assert (await renew(driver, worker=RIVAL)).wish is WorkerWish.WORK

    async def test_nobody_can_be_asked_who_is_not_there(self, driver: Driver) -> None:
        assert await driver.steering.ask_worker(OWNER, WorkerWish.QUIET) is WishAnswer.UNKNOWN
        await renew(driver)
        await driver.jobs.forget_worker(OWNER)
        assert await driver.steering.ask_worker(OWNER, WorkerWish.QUIET) is WishAnswer.UNKNOWN

    async def test_a_wish_is_signalled(self, driver: Driver) -> None:
        await renew(driver)
        async with listening(driver) as heard:
            await driver.steering.ask_worker(OWNER, WorkerWish.QUIET)
            await next_of(heard, SignalKind.WORKER)
