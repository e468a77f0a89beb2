"""Workers know of each other."""

from __future__ import annotations

from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import Fleet, RenewRequest
from pg_scheduler.testing.contract.scene import LEASE, at


async def fleet(driver: Driver, worker: str, likes: str, seconds: float = 20) -> Fleet:
    """What a worker is told of the others when it renews."""
    request = RenewRequest(worker, "host", 7, LEASE, (), likes=likes)
    return (await driver.jobs.renew(request, now=at(seconds))).fleet


class TestFleet:
    """What `renew` tells of other workers."""

    async def test_a_worker_by_itself_is_the_first(self, driver: Driver) -> None:
        assert await fleet(driver, "b", "x") == Fleet(1, 1, 0)
        assert await fleet(driver, "b", "x") == Fleet(1, 1, 0)

    async def test_likes_are_counted_apart_and_stand_in_the_order_of_their_ids(self, driver: Driver) -> None:
        for worker, likes in (("d", "x"), ("B", "x"), ("c", "y"), ("a", "x")):
            await fleet(driver, worker, likes)
        assert await fleet(driver, "B", "x") == Fleet(4, 3, 0)
        assert await fleet(driver, "a", "x") == Fleet(4, 3, 1)
        assert await fleet(driver, "d", "x") == Fleet(4, 3, 2)
        assert await fleet(driver, "c", "y") == Fleet(4, 1, 0)

    async def test_who_claims_something_else_now_is_no_like_any_more(self, driver: Driver) -> None:
        await fleet(driver, "a", "x")
        await fleet(driver, "a", "y")
        assert await fleet(driver, "b", "x") == Fleet(2, 1, 0)

    async def test_who_stopped_or_went_silent_is_not_counted(self, driver: Driver) -> None:
        await fleet(driver, "a", "x")
        await fleet(driver, "b", "x", seconds=60)
        await driver.jobs.forget_worker("a")
        assert await fleet(driver, "c", "x", seconds=60) == Fleet(2, 2, 1)
        silent = 60 + LEASE.total_seconds() + 1
        assert await fleet(driver, "c", "x", seconds=silent) == Fleet(1, 1, 0)
