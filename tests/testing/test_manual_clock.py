"""A clock that moves only when told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pg_scheduler import InvalidInput
from pg_scheduler.testing import ManualClock

START = datetime(2030, 1, 1, tzinfo=UTC)


def test_it_stands_where_it_was_put() -> None:
    clock = ManualClock()
    assert clock.now() == clock.pinned() == START
    assert clock.monotonic() == 0
    there = datetime(2031, 5, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert ManualClock(there).now() == datetime(2031, 5, 1, tzinfo=UTC)
    assert ManualClock(there).now().tzinfo is UTC


def test_it_needs_an_instant_to_start_at() -> None:
    with pytest.raises(InvalidInput, match=r"start: .* has no time zone"):
        ManualClock(datetime(2030, 1, 1))  # noqa: DTZ001 - that is the point


async def test_it_moves_by_durations_by_seconds_and_to_instants() -> None:
    clock = ManualClock()
    await clock.advance(timedelta(minutes=1))
    await clock.advance(0.5)
    assert clock.now() == START + timedelta(seconds=60.5)
    assert clock.monotonic() == 60.5
    await clock.advance_to(START + timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1)


async def test_it_never_goes_back() -> None:
    clock = ManualClock()
    await clock.advance_to(START - timedelta(days=1))
    assert clock.now() == START
    with pytest.raises(InvalidInput, match="by: a clock does not go back"):
        await clock.advance(-1)
    assert clock.now() == START


async def test_a_sleeper_wakes_at_its_instant_and_not_before() -> None:
    clock = ManualClock()
    woke: list[datetime] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woke.append(clock.now())

    async with asyncio.TaskGroup() as group:
        for seconds in (30, 10, 20):
            group.create_task(sleeper(seconds))
        await clock.advance(9.999)
        assert woke == []
        await clock.advance(15)
        assert woke == [START + timedelta(seconds=10), START + timedelta(seconds=20)]
        await clock.advance(3600)
    assert woke[-1] == START + timedelta(seconds=30)
    assert clock.now() == START + timedelta(seconds=3624.999)


async def test_those_of_one_instant_wake_in_the_order_they_went_to_sleep() -> None:
    clock = ManualClock()
    woke: list[str] = []

    async def sleeper(name: str) -> None:
        await clock.sleep(60)
        woke.append(name)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(sleeper(name))
        await clock.advance(60)
    assert woke == ["a", "b", "c"]


async def test_a_loop_that_sleeps_a_minute_runs_sixty_times_in_an_hour() -> None:
    clock = ManualClock()
    rounds: list[datetime] = []

    async def every_minute() -> None:
        while True:
            await clock.sleep(60)
            rounds.append(clock.now())

    looping = asyncio.create_task(every_minute())
    await clock.advance(timedelta(hours=1))
    assert rounds == [START + timedelta(minutes=minute) for minute in range(1, 61)]
    looping.cancel()


async def test_a_sleep_of_nothing_lets_others_run_and_returns() -> None:
    clock = ManualClock()
    for seconds in (0, -5):
        ran: list[bool] = []
        asyncio.get_running_loop().call_soon(ran.append, True)
        await clock.sleep(seconds)
        assert ran == [True]
    assert clock.now() == START


@pytest.mark.parametrize(("began", "wait"), [(0, 1.0000004), (17.328451, 20 - 17.328451), (0.1, 0.2)])
async def test_who_waits_until_a_time_that_the_clock_cannot_show_is_there_when_it_comes(
    began: float, wait: float
) -> None:
    """Among them sums that are too large by what numbers cannot say, as 0.1 + 0.2 is."""
    clock = ManualClock()
    await clock.advance(began)
    until = clock.monotonic() + wait

    async def sleep() -> None:
        while (left := until - clock.monotonic()) > 0:
            await clock.sleep(left)

    sleeper = asyncio.create_task(sleep())
    await asyncio.wait_for(clock.advance(round(wait, 6)), 5)
    assert sleeper.done()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await clock.advance(1)
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    await clock.advance(3600)
    assert clock.now() == START + timedelta(seconds=3601)
