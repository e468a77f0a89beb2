"""How long the names are kept that mean something in one process only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.tasks.passing_tasks import BATCH, UNSEEN, PassingJobs, PassingTasks
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


def test_a_name_is_needed_until_the_last_of_its_jobs_has_ended() -> None:
    passing = PassingTasks()
    for job_id in ("a", "b", "a"):  # a submission that is tried again names its job twice
        passing.needed("name", job_id)
    assert not passing.ended("name", "a")
    assert not passing.ended("name", "a")
    assert not passing.ended("another", "b")
    assert passing.ended("name", "b")


def test_no_job_is_remembered_for_a_name_that_is_kept() -> None:
    passing = PassingTasks()
    passing.keep("name")
    passing.needed("name", "a")
    assert passing.jobs() == []
    passing.needed("later", "b")
    passing.keep("later")
    assert not passing.ended("later", "b")


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
