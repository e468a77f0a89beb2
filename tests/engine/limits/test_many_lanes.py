"""More lanes than one claim looks at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.ports.claims import LaneAnswer
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import OWNER, RAISE, at, claim_request, new
from pg_scheduler_postgres import jobs

NAMES = ("a", "task", "z")


@pytest.fixture(autouse=True)
def three_lanes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few jobs are many."""
    monkeypatch.setattr(jobs, "LANES_AT_ONCE", 3)


async def look(
    driver: Driver, names: tuple[str, ...] = NAMES, limit: int = 100, after: LaneAnswer | None = None
) -> LaneAnswer:
    request = claim_request(OWNER, names, limit)
    return await driver.jobs.claim_lanes(
        replace(request, lane_cursor=None if after is None else after.cursor), now=at(0)
    )


async def rounds(driver: Driver, number: int) -> list[LaneAnswer]:
    answers: list[LaneAnswer] = []
    for _ in range(number):
        answers.append(await look(driver, after=answers[-1] if answers else None))
    return answers


async def test_every_lane_is_reached_by_the_claims_that_follow(driver: Driver) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await driver.jobs.submit([new(f"job {n}", limit_key=f"k{n}") for n in range(8)], RAISE, now=at(0))
    answers = await rounds(driver, 3)
    assert [len(answer.jobs) for answer in answers] == [3, 3, 2]
    assert [answer.swept for answer in answers] == [False, False, True]
    assert answers[0].more
    assert not answers[-1].more


async def test_each_of_two_workers_over_one_driver_goes_on_from_its_own_place(driver: Driver) -> None:
    names = ("a", "z")
    await driver.limits.set_limits({name: TaskLimits(concurrency=1) for name in names}, now=at(0))
    waiting = [new(f"{name}{n}", task=name, limit_key=f"k{n}") for name in names for n in range(6)]
    await driver.jobs.submit(waiting, RAISE, now=at(0))
    answers: dict[str, list[LaneAnswer]] = {"a": [], "z": []}
    for _ in range(3):
        for name in ("z", "a"):
            before = answers[name][-1] if answers[name] else None
            answers[name].append(await look(driver, (name,), after=before))
    found = {name: [job.job_id for each in answers[name] for job in each.jobs] for name in names}
    assert found == {name: [f"{name}{n}" for n in range(6)] for name in names}


async def test_as_many_lanes_as_one_claim_looks_at_are_all_there_is(driver: Driver) -> None:
    await driver.jobs.submit([new(f"job {n}", limit_key=f"k{n}") for n in range(3)], RAISE, now=at(0))
    answer = await look(driver)
    assert (len(answer.jobs), answer.swept, answer.more) == (3, True, False)


async def test_full_lanes_hide_no_free_one_behind_them(driver: Driver) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=at(0))
    await driver.jobs.submit(
        [new(f"{n}", limit_key=f"k{n // 2}") for n in range(10)] + [new("free", task="z", limit_key="k")],
        RAISE,
        now=at(0),
    )
    found = [job.job_id for answer in await rounds(driver, 6) for job in answer.jobs]
    assert sorted(found) == ["0", "2", "4", "6", "8", "free"]


async def test_all_priorities_of_a_lane_are_seen_together(driver: Driver) -> None:
    waiting = [new(f"{key}{rank}", limit_key=key, rank=rank) for key in "abc" for rank in (8, 5, 3, 1)]
    await driver.jobs.submit(waiting, RAISE, now=at(0))
    assert [job.job_id for job in (await look(driver, limit=3)).jobs] == ["a1", "b1", "c1"]


async def test_lanes_of_paused_and_unknown_tasks_are_passed_by_in_one_step(driver: Driver) -> None:
    await driver.limits.pause_task("a", True, now=at(0))
    waiting = [
        new(f"{task} {n}", task=task, limit_key=f"k{n}") for task in ("a", "unknown") for n in range(9)
    ]
    await driver.jobs.submit([*waiting, new("known", task="z", limit_key="k")], RAISE, now=at(0))
    answer = await look(driver)
    assert ([job.job_id for job in answer.jobs], answer.swept) == (["known"], True)


async def test_a_rate_counts_all_priorities_that_wait_for_it(driver: Driver) -> None:
    """One of each was left out once: each rank by itself had nothing beyond what was taken."""
    await driver.limits.set_limits({"task": TaskLimits(rate=2.0)}, now=at(0))
    await driver.jobs.submit([new("urgent", rank=1), new("other", rank=5)], RAISE, now=at(0))
    answer = await look(driver)
    assert ([job.job_id for job in answer.jobs], answer.next_in) == (["urgent"], timedelta(seconds=0.5))


async def test_what_the_first_lanes_still_have_is_not_forgotten_when_the_last_have_nothing(
    driver: Driver,
) -> None:
    waiting = [new(f"job {n}", limit_key="a") for n in range(3)]
    later = [new(f"later {key}", limit_key=key, due=at(99)) for key in "bcde"]
    await driver.jobs.submit([*waiting, *later], RAISE, now=at(0))
    first = await look(driver, limit=1)
    assert (len(first.jobs), first.swept) == (1, False)
    last = await look(driver, limit=1, after=first)
    assert (len(last.jobs), last.swept, last.more) == (0, True, True)
