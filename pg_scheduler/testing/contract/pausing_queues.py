"""Pausing queues: nothing that waits in one is claimed until it is resumed."""

from __future__ import annotations

from itertools import product

from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.queueing import claim_lanes, ids
from pg_scheduler.testing.contract.scene import at, claim, claim_request, new, submit
from pg_scheduler.testing.contract.signals import listening, next_of


class TestPausingQueues:
    """`pause_queue`: nothing that waits there is claimed until it is resumed."""

    async def test_a_paused_queue_gives_nothing_until_it_is_resumed(self, driver: Driver) -> None:
        await submit(driver, *(new(queue, queue=queue) for queue in ("a", "m", "z")))
        await submit(driver, new("keyed", queue="m", limit_key="k"))
        assert await driver.limits.pause_queue("m", True, now=at(1))
        assert not await driver.limits.pause_queue("m", True, now=at(2))
        assert [paused.queue for paused in await driver.limits.paused_queues()] == ["m"]
        assert ids((await claim(driver, queues=["m"])).jobs) == []
        assert ids((await claim(driver)).jobs) == ["a", "z"]
        assert await claim_lanes(driver, None) == []
        assert await driver.limits.pause_queue("m", False, now=at(3))
        assert not await driver.limits.pause_queue("m", False, now=at(3))
        assert await driver.limits.paused_queues() == []
        assert await claim_lanes(driver, None) == ["keyed"]
        assert ids((await claim(driver)).jobs) == ["m"]

    async def test_a_pause_that_ends_is_signalled(self, driver: Driver) -> None:
        await driver.limits.pause_queue("m", True, now=at(1))
        async with listening(driver) as heard:
            await driver.limits.pause_queue("m", False, now=at(2))
            await next_of(heard, SignalKind.LANE)

    async def test_what_a_pause_held_back_does_not_expire_by_it(self, driver: Driver) -> None:
        for queue, limit_key in product(("held", "free"), (None, "key")):
            await submit(
                driver,
                new(f"{queue} {limit_key}", queue=queue, misfire_grace_seconds=5, limit_key=limit_key),
            )
        await driver.limits.pause_queue("held", True, now=at(1))
        await driver.limits.pause_queue("held", False, now=at(100))
        first = await claim(driver, now=at(103))
        found = await driver.jobs.claim_lanes(claim_request(), now=at(103))
        assert sorted(ids(found.jobs)) == ["held None", "held key"]
        assert {*first.expired, *found.expired} == {"free None", "free key"}

    async def test_its_grace_counts_from_the_end_of_the_pause(self, driver: Driver) -> None:
        await submit(driver, new("late all the same", queue="m", misfire_grace_seconds=5))
        await driver.limits.pause_queue("m", True, now=at(1))
        await driver.limits.pause_queue("m", False, now=at(100))
        assert (await claim(driver, now=at(106))).jobs == ()
        found = await driver.jobs.claim_lanes(claim_request(), now=at(106))
        assert (found.jobs, found.expired) == ((), ("late all the same",))
