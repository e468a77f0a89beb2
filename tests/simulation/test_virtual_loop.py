"""The loop in which simulations run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.simulation.virtual_loop import Host, Stuck, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.close()


async def ticking(told: list[float]) -> None:
    """Tell the time, once a second."""
    while True:
        told.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1)


def test_time_jumps_to_the_next_timer(loop: VirtualLoop) -> None:
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() == 86_400


def test_a_frozen_host_does_in_the_end_what_it_should_have_done(loop: VirtualLoop) -> None:
    told: list[float] = []

    async def main() -> None:
        host = Host("frozen")
        task = loop.create_task(ticking(told), context=host.context)
        await asyncio.sleep(1.5)
        loop.freeze(host)
        await asyncio.sleep(10)
        assert told == [0, 1]
        loop.thaw(host)
        await asyncio.sleep(1.25)
        assert told == [0, 1, 11.5, 12.5]
        task.cancel()

    loop.run_until_complete(main())


def test_a_dead_host_does_nothing_any_more(loop: VirtualLoop) -> None:
    told: list[float] = []

    async def main() -> None:
        host = Host("dead")
        loop.create_task(ticking(told), context=host.context)
        await asyncio.sleep(1.5)
        loop.kill(host)
        await asyncio.sleep(10)
        loop.thaw(host)
        await asyncio.sleep(10)
        assert host.unfinished() != []

    loop.run_until_complete(main())
    assert told == [0, 1]


def test_a_wait_for_nothing_is_told(loop: VirtualLoop) -> None:
    with pytest.raises(Stuck, match="nothing is left to happen"):
        loop.run_until_complete(asyncio.Event().wait())


def test_a_loop_that_never_waits_is_told(loop: VirtualLoop) -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="turns at one instant"):
        loop.run_until_complete(spin())
