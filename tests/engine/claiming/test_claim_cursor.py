"""Marks: a claim of a long backlog begins where the last one ended, and misses nothing for long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from pg_scheduler import JobSpec, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.engine.claiming import claim_cursor as low_water
from pg_scheduler.engine.claiming.claim_cursor import SHARE, SHORTEST_ROUND, SLOW, STREAK, ClaimCursor
from pg_scheduler.ports.claims import ClaimAnswer, ClaimPosition, ClaimRequest, LaneAnswer
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.contract.scene import LEASE, NOON, OWNER, at, new, submit
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.running import eventually, past

LIMIT = 10
TASK = ("default", "task")
SLOW_CLAIM = SLOW * 2


def job(rank: int = 5, number: int = 0) -> ClaimedJob:
    return ClaimedJob(f"job {number}", "task", "{}", at(number), rank, 1, 1, 0, 0, None, None, False)


def filled(*ranks: int, scan_seconds: float | None = SLOW_CLAIM) -> ClaimAnswer:
    jobs = [job(rank, number) for number, rank in enumerate((*ranks, *[9] * LIMIT))][:LIMIT]
    return ClaimAnswer(tuple(jobs), (), None, scan_seconds=scan_seconds)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def slow(clock: ManualClock) -> ClaimCursor:
    """After a streak of slow claims."""
    water = ClaimCursor(clock)
    for _ in range(STREAK):
        assert water.positions() == ()
        assert water.answered(filled(5), LIMIT, with_positions=False) is False
    return water


# --- when marks are used


async def test_quick_claims_and_a_single_slow_one_use_none(clock: ManualClock) -> None:
    water = ClaimCursor(clock)
    for scan_seconds in [0.0001, *[SLOW_CLAIM] * (STREAK - 1), 0.0001] * 3:
        water.answered(filled(5, scan_seconds=scan_seconds), LIMIT, with_positions=False)
        assert water.positions() == ()


async def test_a_store_that_does_not_tell_is_asked_without(clock: ManualClock) -> None:
    water = ClaimCursor(clock)
    for _ in range(2 * STREAK):
        water.answered(filled(5, scan_seconds=None), LIMIT, with_positions=False)
    assert water.positions() == ()


async def test_after_a_streak_of_slow_ones_each_rank_has_its_last_place(slow: ClaimCursor) -> None:
    assert slow.positions() == (
        ClaimPosition(*TASK, 5, at(0), "job 0"),
        ClaimPosition(*TASK, 9, at(9), "job 9"),
    )


async def test_everything_is_looked_at_again_soon(slow: ClaimCursor, clock: ManualClock) -> None:
    await clock.advance(SHORTEST_ROUND - 0.01)
    assert slow.positions()
    await clock.advance(0.01)
    assert slow.positions() == ()


async def test_looking_at_everything_takes_no_more_than_its_share(
    slow: ClaimCursor, clock: ManualClock
) -> None:
    await clock.advance(SHORTEST_ROUND)
    slow.answered(filled(5, scan_seconds=1.0), LIMIT, with_positions=False)
    await clock.advance(1 / SHARE - 0.1)
    assert slow.positions()
    await clock.advance(0.1)
    assert slow.positions() == ()


async def test_a_claim_that_is_not_filled_ends_it_and_says_that_it_says_little(slow: ClaimCursor) -> None:
    assert slow.answered(ClaimAnswer((job(),), (), None), LIMIT, with_positions=True) is True
    assert slow.positions() == ()
    assert slow.answered(ClaimAnswer((), (), None), LIMIT, with_positions=False) is False


# --- in a worker


class SlowJobs(MemoryJobs):
    """Looks for long, unless it is given marks."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.asked: list[Sequence[ClaimPosition]] = []
        self.lanes_asked: list[Sequence[ClaimPosition]] = []

    async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
        self.lanes_asked.append(request.resume_after)
        return await super().claim_lanes(request, now=now)

    async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
        self.asked.append(request.resume_after)
        answer = await super().claim(request, now=now)
        return replace(answer, scan_seconds=SLOW_CLAIM / 100 if request.resume_after else SLOW_CLAIM)


async def noop(number: int) -> None:
    """A job."""


async def test_a_backlog_is_claimed_with_marks_and_its_end_is_found_without(clock: ManualClock) -> None:
    driver = MemoryDriver()
    store = driver.jobs = SlowJobs(driver.state)
    scheduler = Scheduler(driver, clock=clock, batch_claim_limit=LIMIT, misfire_grace_time=None)
    await scheduler.schedule_bulk([JobSpec(noop, clock.now(), args=(n,)) for n in range(12 * LIMIT)])
    while (await scheduler.worker.services.claimer.claim_once()).filled:
        await scheduler.worker.steps.finish_started()
    used = [bool(positions) for positions in store.asked]
    assert used == [False] * STREAK + [True] * (13 - STREAK) + [False], "the last look was at everything"


async def test_a_look_at_the_lanes_passes_by_what_a_claim_does(clock: ManualClock) -> None:
    """It compares their jobs with the most urgent outside lanes."""
    driver = MemoryDriver()
    store = driver.jobs = SlowJobs(driver.state)
    scheduler = Scheduler(driver, clock=clock, batch_claim_limit=LIMIT, misfire_grace_time=None)
    await scheduler.schedule_bulk([JobSpec(noop, clock.now(), args=(n,)) for n in range(12 * LIMIT)])
    for _ in range(STREAK + 1):
        await scheduler.worker.steps.claim_and_start()
        await scheduler.worker.steps.finish_started()
    assert [bool(positions) for positions in store.lanes_asked] == [False] * STREAK + [True]


# --- in the database


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


async def claimed(driver: Driver, *positions: ClaimPosition, limit: int = 100) -> list[str]:
    request = ClaimRequest(OWNER, ("task",), limit, LEASE, resume_after=positions)
    return [job.job_id for job in (await driver.jobs.claim(request, now=NOON)).jobs]


async def test_a_claim_begins_at_the_mark_of_its_rank(driver: Driver) -> None:
    await submit(driver, *(new(name, due=at(-1)) for name in ("a", "b", "c")), new("earlier", due=at(-2)))
    assert await claimed(driver, ClaimPosition(*TASK, 5, at(-1), "b")) == ["b", "c"]
    assert await claimed(driver) == ["earlier", "a"], "without marks nothing is left out"


async def test_ranks_without_a_mark_are_found_before_between_and_after_those_with_one(
    driver: Driver,
) -> None:
    ranks = (-(2**31), 1, 2, 3, 5, 7, 2**31 - 1)
    await submit(driver, *(new(f"rank {rank}", rank=rank, due=at(-1)) for rank in ranks))
    positions = [ClaimPosition(*TASK, rank, at(0), "") for rank in (2, 4, 5)]
    found = await claimed(driver, *positions)
    assert found == [f"rank {rank}" for rank in ranks if rank not in (2, 5)]


async def test_queues_and_tasks_without_a_mark_are_found_before_between_and_after_those_with_one(
    driver: Driver,
) -> None:
    places = [(queue, task) for queue in ("a", "c", "e") for task in ("k", "m", "o")]
    await submit(
        driver, *(new(f"{queue}{task}", queue=queue, task=task, due=at(-1)) for queue, task in places)
    )
    marked = [("a", "l", 5), ("a", "m", 5), ("b", "m", 5), ("c", "k", 4), ("e", "o", 5), ("f", "k", 5)]
    request = ClaimRequest(
        OWNER,
        ("k", "m", "o"),
        100,
        LEASE,
        resume_after=tuple(ClaimPosition(*at_, at(0), "") for at_ in marked),
    )
    found = {job.job_id for job in (await driver.jobs.claim(request, now=NOON)).jobs}
    assert found == {f"{queue}{task}" for queue, task in places} - {"am", "eo"}


async def test_a_filled_claim_with_marks_stays_in_order(driver: Driver) -> None:
    await submit(driver, *(new(f"{n}", rank=n % 3, due=at(-9 + n)) for n in range(9)))
    positions = [ClaimPosition(*TASK, 0, at(-8), ""), ClaimPosition(*TASK, 1, at(-30), "")]
    assert await claimed(driver, *positions, limit=4) == ["3", "6", "1", "4"]


async def test_what_marks_hide_is_found_within_moments(
    dsn: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job stored late with a time before the mark, while a backlog keeps every claim filled."""
    monkeypatch.setattr(low_water, "SLOW", 0.0)
    monkeypatch.setattr(low_water, "SLOW_PER_JOB", 0.0)
    started: list[int] = []
    backlog = 2000

    async def note(number: int) -> None:
        started.append(number)

    async with Scheduler.connect(
        dsn, library=library, misfire_grace_time=None, max_concurrent_jobs=1
    ) as scheduler:
        await scheduler.schedule_bulk([JobSpec(note, past(60), args=(n,)) for n in range(backlog)])
        (claims,) = scheduler.worker.services.claimer._groups
        await eventually(lambda: claims._cursor.positions() or len(started) == backlog)
        await scheduler.schedule(note, execution_time=past(600), args=(-1,))
        await eventually(lambda: -1 in started)
    assert started.index(-1) < backlog, "it did not wait for the end of the backlog"
