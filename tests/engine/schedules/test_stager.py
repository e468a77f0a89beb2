"""What a worker does about due schedules: what it may read, how late they are, and when it looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from pg_scheduler import PollingConfig
from pg_scheduler.domain.schedule import LONGEST, CatchUp, Overlap, ScheduleSpec
from pg_scheduler.engine.schedules.stager import PASSED_OVER, READ_AGAIN, Stager, step_for
from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry
from pg_scheduler.ports.schedule_store import Advance, DueAnswer, ScheduleRecord, ScheduleStore
from pg_scheduler.testing import ManualClock
from pg_scheduler.testing.contract.schedule_scene import MINUTE, schedule, spec_text

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
EVERYTHING = ScheduleSpec(every=MINUTE, catch_up=CatchUp.ALL, overlap=Overlap.ALLOW)
NONSENSE = '{"every": "soon"}'


def due(key: str = "key", *, spec: str = "", next_window: datetime | None = NOON) -> ScheduleRecord:
    return ScheduleRecord(
        new=schedule(key, spec=spec or spec_text()),
        mark=None,
        next_window=next_window,
        run_count=0,
        skipped_count=0,
        created_at=NOON,
        heartbeat=NOON,
        retired=False,
        last_job_id=None,
        busy=False,
    )


class Store:
    """Has these schedules due, and says of each batch of steps which of them count."""

    def __init__(self, *schedules: ScheduleRecord, at: datetime = NOON) -> None:
        self.schedules = schedules
        self.at = at
        self.looks: list[set[tuple[str, str]]] = []
        """What was to be left out at each."""
        self.steps: list[Advance] = []
        self.counts: list[bool] = []
        """Of the next steps; those after them do."""

    async def due_schedules(
        self, names: object, limit: int, *, except_for: Collection[tuple[str, str]], now: object
    ) -> DueAnswer:
        self.looks.append(set(except_for))
        found = [one for one in self.schedules if (one.new.key, one.new.spec_hash) not in except_for]
        return DueAnswer(self.at, tuple(found), None)

    async def advance_schedules(self, steps: Sequence[Advance], *, now: object) -> list[bool]:
        self.steps += steps
        return [self.counts.pop(0) if self.counts else True for _ in steps]


async def task() -> None: ...


def stager_over(store: Store, clock: ManualClock) -> Stager:
    registry = TaskRegistry()
    registry.register(task, TaskOptions(name="task"))
    return Stager(
        schedules=cast(ScheduleStore, store),
        clock=clock,
        polling=PollingConfig(interval=30),
        registry=registry,
        listening=lambda: True,
        on_staged=lambda: None,
    )


# --- what cannot be read


async def test_what_cannot_be_read_is_told_once_and_anew_after_it_could(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A zone database that was installed, and is gone again."""
    store, clock, told = Store(), ManualClock(), []
    stager = stager_over(store, clock)
    for spec in (NONSENSE, NONSENSE, spec_text(), NONSENSE):
        store.schedules = (due(spec=spec),)
        await stager.stage_once()
        told.append(caplog.text.count("schedule 'key' cannot be read by this worker"))
        await clock.advance(READ_AGAIN)
    assert told == [1, 1, 1, 2]


async def test_what_could_not_be_read_is_left_out_for_a_while_and_then_tried_again() -> None:
    store, clock = Store(due(spec=NONSENSE), due("other")), ManualClock()
    stager = stager_over(store, clock)
    await stager.stage_once()
    store.schedules = (due(), due("other"))
    await clock.advance(READ_AGAIN - 1)
    await stager.stage_once()
    assert {one.key for one in store.steps} == {"other"}
    assert store.looks[-1] == {("key", "hash")}
    await clock.advance(1)
    await stager.stage_once()
    assert store.steps[-2].key == "key"


async def test_a_rule_that_comes_to_an_end_keeps_no_other_from_its_windows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    ending = due("ending", spec=spec_text(every=LONGEST, anchor=last), next_window=last)
    store = Store(ending, due(next_window=last), at=last)
    stager = stager_over(store, ManualClock())
    await stager.stage_once()
    assert [one.key for one in store.steps] == ["key"]
    assert "schedule 'ending' has no further window" in caplog.text
    await stager.stage_once()
    assert store.looks[-1] == {("ending", "hash")}, "or it would fill a batch, look after look"


# --- when it looks again


async def test_a_step_that_did_not_count_is_looked_after_soon() -> None:
    """Who was quicker may have taken another step; who holds the schedule lets go of it without a signal."""
    store, clock = Store(due()), ManualClock()
    store.counts = [False, False]
    round_ = asyncio.create_task(stager_over(store, clock).one_round())
    await clock.advance(2 * PASSED_OVER)
    assert len(store.looks) == 3
    assert round_.done(), "something was staged, so there may be more"
    await round_


# --- what a step says


def windows_of(spec: ScheduleSpec, now: datetime, **facts: Any) -> Advance:
    step = step_for(replace(due(), **facts), spec, now, 0.0)
    assert step is not None
    return step


def test_windows_that_are_caught_up_are_due_at_once_and_in_their_order() -> None:
    """The last of them is in time; by its own time it would run before the others."""
    now = NOON + timedelta(minutes=10, seconds=30)
    jobs = windows_of(EVERYTHING, now).jobs
    assert len(jobs) == 11
    assert {job.execution_time for job in jobs} == {now}


def test_windows_that_are_in_time_are_due_at_their_time() -> None:
    jobs = windows_of(EVERYTHING, NOON + timedelta(minutes=2, seconds=30)).jobs
    assert [job.execution_time for job in jobs] == [job.window for job in jobs]


def test_what_begins_anew_goes_on_after_what_was_decided_about() -> None:
    """Of a clock that ran ahead, or another rule before this one: no window runs twice."""
    ahead = NOON + timedelta(seconds=90)
    assert windows_of(EVERYTHING, NOON, next_window=None, mark=ahead).next_window == NOON + 2 * MINUTE
    assert windows_of(EVERYTHING, ahead, next_window=None, mark=NOON).next_window == NOON + 2 * MINUTE


@pytest.mark.parametrize("overlap", list(Overlap))
def test_a_run_that_must_not_overlap_is_made_only_while_none_is_unfinished(overlap: Overlap) -> None:
    spec = replace(EVERYTHING, overlap=overlap)
    step = windows_of(spec, NOON)
    assert step.unless_busy is (overlap is not Overlap.ALLOW)
    assert not windows_of(spec, NOON, next_window=None).unless_busy, "it makes none"


async def test_windows_that_are_left_out_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(due(), at=NOON + 2 * MINUTE)
    await stager_over(store, ManualClock()).stage_once()
    assert "schedule 'key': windows skipped: 2" in caplog.text
    caplog.clear()
    store.at = NOON
    await stager_over(store, ManualClock()).stage_once()
    assert caplog.text == ""
