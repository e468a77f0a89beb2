"""What is said, and looked up, of schedules that stand still: once, and again once it was well."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from pg_scheduler.domain.astray import StraySchedule
from pg_scheduler.engine.schedules.schedule_keeper import LEAST, ScheduleKeeper
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.schedule_store import ScheduleStore, StrayAnswer
from pg_scheduler.testing import ManualClock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def stray(key: str) -> StraySchedule:
    """One whose window has waited for five minutes."""
    due = NOON - timedelta(minutes=5)
    return StraySchedule(
        key,
        f"task of {key}",
        of_code=False,
        active=True,
        heartbeat=due,
        mark=None,
        next_window=due,
        waits=False,
    )


class Store:
    """Tells what stands still at each look."""

    def __init__(self) -> None:
        self.looks: list[Sequence[StraySchedule]] = []

    async def stray_schedules(self, known_names: object, *, now: object = None) -> StrayAnswer:
        return StrayAnswer(NOON, tuple(self.looks.pop(0)))


def keeper_over(store: Store, looked_up: list[list[str]], clock: ManualClock) -> ScheduleKeeper:
    return ScheduleKeeper(
        schedules=cast(ScheduleStore, store),
        clock=clock,
        registry=TaskRegistry(),
        in_code=tuple,
        try_import=lambda names: looked_up.append(list(names)),
    )


async def after(*looks: Sequence[StraySchedule]) -> list[list[str]]:
    """The names that were looked up."""
    store, looked_up = Store(), list[list[str]]()
    store.looks += looks
    keeper = keeper_over(store, looked_up, ManualClock())
    for _ in looks:
        await keeper.keep()
    return looked_up


A, B = stray("a"), stray("b")


@pytest.mark.parametrize(
    ("looks", "told"), [([[A], [A]], 1), ([[A], [], [A]], 2), ([[A], [B], [A]], 2), ([[A], [A, B], [A]], 1)]
)
async def test_what_stands_still_is_told_once_and_anew_after_it_was_well(
    looks: list[list[StraySchedule]], told: int, caplog: pytest.LogCaptureFixture
) -> None:
    await after(*looks)
    assert caplog.text.count("schedule 'a': its windows wait") == told


async def test_a_task_is_looked_up_again_after_nothing_needed_it() -> None:
    assert await after([A], [A, B], [B], [A]) == [["task of a"], ["task of b"], ["task of a"]]


async def test_the_task_of_a_schedule_that_is_paused_is_not_looked_up(caplog: Any) -> None:
    assert await after([replace(A, active=False)]) == []
    assert caplog.text == ""


async def test_however_often_schedules_change_there_is_a_pause_between_looks() -> None:
    """A fleet that starts changes each of them many times."""
    store, clock = Store(), ManualClock()
    store.looks += [[], [], []]
    keeper = keeper_over(store, [], clock)
    keeper.look_again()
    looking = asyncio.create_task(keeper.one_round())
    await clock.advance(LEAST - 1)
    assert len(store.looks) == 3
    await clock.advance(1)
    assert len(store.looks) == 2
    await looking
