"""How long a task is kept that is known for the sake of its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.tasks.passing_tasks import BATCH, SPARE, UNSEEN, PassingJobs, PassingTasks
from pg_scheduler.ports.insight import Insight
from pg_scheduler.testing import ManualClock


class Store:
    """Knows the states of jobs."""

    def __init__(self) -> None:
        self.known: dict[str, JobStatus] = {}

    async def statuses(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        """Those of them that are stored."""
        return {job_id: self.known[job_id] for job_id in job_ids if job_id in self.known}


def looking(passing: PassingTasks, clock: ManualClock) -> tuple[PassingJobs, Store, list[str]]:
    """Who looks, where, and the jobs that have ended."""
    store, ended = Store(), list[str]()

    def end(name: str, job_id: str) -> None:
        passing.ended(name, job_id)
        ended.append(job_id)

    return PassingJobs(insight=cast(Insight, store), clock=clock, passing=passing, ended=end), store, ended


MINE = "app:send@0123abcd.1"
"""What only one process knows."""


def test_a_name_is_needed_until_the_last_of_its_jobs_has_ended() -> None:
    passing = PassingTasks()
    for job_id in ("a", "b", "a"):  # a submission that is tried again names its job twice
        passing.needed(MINE, job_id)
    assert passing.ended(MINE, "a") is None
    assert passing.ended(MINE, "a") is None
    assert passing.ended("another", "b") is None
    assert passing.ended(MINE, "b") == MINE


def test_no_job_is_remembered_for_a_name_that_is_kept() -> None:
    passing = PassingTasks()
    passing.keep(MINE)
    passing.needed(MINE, "a")
    assert passing.jobs() == []
    later = "app:send@0123abcd.2"
    passing.needed(later, "b")
    passing.keep(later)
    assert passing.ended(later, "b") is None


def used_once(passing: PassingTasks, name: str) -> str | None:
    """Which task may be forgotten once the only job of this name has ended."""
    passing.needed(name, f"job of {name}")
    return passing.ended(name, f"job of {name}")


@pytest.mark.parametrize("needed_again", ["", "by a job", "for good", "replaced"])
def test_what_others_can_make_too_goes_once_enough_others_were_used_since(needed_again: str) -> None:
    passing = PassingTasks()
    names = [f"app:send#{number:08x}" for number in range(SPARE + 2)]
    for name in names[:SPARE]:
        assert used_once(passing, name) is None
    if needed_again == "by a job":
        passing.needed(names[0], "another")
    elif needed_again == "for good":
        passing.keep(names[0])
    elif needed_again == "replaced":
        passing.drop(names[0])
    if needed_again:
        assert used_once(passing, names[SPARE]) is None
        assert used_once(passing, names[SPARE + 1]) == names[1]
    else:
        assert used_once(passing, names[SPARE]) == names[0]


async def test_a_job_that_was_seen_in_between_is_not_taken_for_gone() -> None:
    passing, clock = PassingTasks(), ManualClock()
    passing.needed("name", "a")
    jobs, store, ended = looking(passing, clock)
    for stored in (False, True, False):
        store.known = {"a": JobStatus.PENDING} if stored else {}
        await jobs.look()
        await clock.advance(timedelta(seconds=UNSEEN * 0.9))
    await jobs.look()
    assert ended == []
    await clock.advance(timedelta(seconds=UNSEEN))
    await jobs.look()
    assert ended == ["a"]


async def test_of_more_jobs_than_one_look_asks_about_each_gets_its_turn() -> None:
    passing, clock = PassingTasks(), ManualClock()
    for number in range(BATCH + 1):
        passing.needed("name", f"{number}")
    jobs, store, ended = looking(passing, clock)
    store.known = {job_id: JobStatus.RUNNING for job_id, _ in passing.jobs()}
    store.known[f"{BATCH}"] = JobStatus.COMPLETED
    await jobs.look()
    assert ended == []
    await jobs.look()
    assert ended == [f"{BATCH}"]
