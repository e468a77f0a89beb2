"""Being alone in the cluster: `exclusive`."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pg_scheduler.ports.driver import Driver


def _not_lost() -> None:
    raise AssertionError("the lock's connection did not break")


class TestExcluding:
    """`exclusive`."""

    async def test_a_lock_is_held_for_the_whole_block_and_no_longer(self, driver: Driver) -> None:
        async with driver.locks.exclusive("name", _not_lost) as held:
            assert held
            for _ in range(2):
                async with driver.locks.exclusive("name", _not_lost) as other:
                    assert not other
        async with driver.locks.exclusive("name", _not_lost) as again:
            assert again

    async def test_whoever_does_not_hold_it_does_not_release_it(self, driver: Driver) -> None:
        async with driver.locks.exclusive("name", _not_lost):
            async with driver.locks.exclusive("name", _not_lost) as second:
                assert not second
            async with driver.locks.exclusive("name", _not_lost) as third:
                assert not third

    async def test_different_names_do_not_exclude_each_other(self, driver: Driver) -> None:
        names = ("name", "Name", "name ", "\u00e4", "")
        async with asyncio.TaskGroup() as group:
            together = asyncio.Barrier(len(names))
            for name in names:
                group.create_task(self._meet(driver, name, together))

    async def test_of_callers_that_race_one_holds_it(self, driver: Driver) -> None:
        together = asyncio.Barrier(5)
        answers = await asyncio.gather(*(self._try(driver, together) for _ in range(5)))
        assert answers.count(True) == 1

    async def test_an_error_in_the_block_releases_it(self, driver: Driver) -> None:
        with suppress(LookupError):
            async with driver.locks.exclusive("name", _not_lost):
                raise LookupError
        async with driver.locks.exclusive("name", _not_lost) as held:
            assert held

    async def test_a_cancelled_block_releases_it(self, driver: Driver) -> None:
        inside = asyncio.Event()

        async def hold() -> None:
            async with driver.locks.exclusive("name", _not_lost):
                inside.set()
                await asyncio.Event().wait()

        holding = asyncio.create_task(hold())
        async with asyncio.timeout(20):
            await inside.wait()
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
        async with driver.locks.exclusive("name", _not_lost) as held:
            assert held

    async def test_other_statements_go_on_while_it_is_held(self, driver: Driver) -> None:
        async with driver.locks.exclusive("name", _not_lost):
            assert await driver.insight.jobs() == []
            assert await driver.schedules.list_schedules() == []

    async def _meet(self, driver: Driver, name: str, together: asyncio.Barrier) -> None:
        async with driver.locks.exclusive(name, _not_lost) as held:
            assert held
            async with asyncio.timeout(20):
                await together.wait()

    async def _try(self, driver: Driver, together: asyncio.Barrier) -> bool:
        async with driver.locks.exclusive("name", _not_lost) as held:
            async with asyncio.timeout(20):
                await together.wait()
            return held
