"""Lists of jobs page by page, whatever is stored and whatever is left out."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.paging import Cursor
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import FINISHED, JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import NOON, OWNER, at, brought_to, claimed, new, settle, submit

ARGUMENTS = '{"args": [{"id": 3}], "kwargs": {"user": {"id": 7, "name": "Ada", "vip": true}}}'


async def scene(driver: Driver) -> dict[str, JobRecord]:
    """Jobs in every state, in several queues, tasks, ranks and lanes, some of them at the same time."""
    for status in JobStatus:
        await brought_to(driver, status, status.value)
    await submit(
        driver,
        *(new(f"due {n}", queue=f"q{n % 3}", rank=n % 2, due=at(n // 4)) for n in range(12)),
        new("in a lane", task="other", limit_key="acme", due=at(60), dedupe_key="one"),
        new("alone", queue="q1", due=at(-7200), dedupe_key="two", task_data=ARGUMENTS),
    )
    for n in range(8):
        await submit(driver, new(f"ended {n}", task=f"task {n % 3}", queue=f"q{n % 2}"))
        attempt = await claimed(driver, job_id=f"ended {n}")
        event = JobEvent.COMPLETE if n % 4 else JobEvent.FAIL
        await settle(driver, attempt, event, now=at(10 + n // 3), error_message=None if n % 4 else f"Oh {n}!")
    return {job.job_id: job for job in await driver.insight.jobs(limit=1_000)}


def in_order(jobs: dict[str, JobRecord], selection: Selection) -> list[str]:
    """What a reader expects: by the time of the end, or of when it is due, then id."""

    def place(job: JobRecord) -> tuple[object, str]:
        ended = job.finished_at if job.status in FINISHED else None
        return (ended or job.execution_time, job.job_id)

    return [job.job_id for job in sorted(filter(selection.matches, jobs.values()), key=place, reverse=True)]


SELECTIONS: dict[Selection, int] = {
    Selection(): 28,
    **{Selection((status,)): 1 for status in (JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.EXPIRED)},
    Selection((JobStatus.PENDING,)): 15,
    Selection((JobStatus.COMPLETED,)): 7,
    Selection((JobStatus.FAILED, JobStatus.EXPIRED)): 4,
    Selection(task_name="task 1"): 3,
    Selection(task_name="other"): 1,
    Selection(queue="q1"): 9,
    Selection((JobStatus.PENDING,), task_name="task", queue="q0"): 4,
    Selection(worker_id=OWNER, statuses=(JobStatus.COMPLETED,)): 7,
    Selection(error="oh"): 2,
    Selection(error="OH 4"): 1,
    Selection(key="one"): 1,
    Selection(key="two"): 1,
    Selection(key="acme"): 1,
    Selection(key="none"): 0,
    Selection(id_prefix="ended "): 8,
    Selection(id_prefix="ended _"): 0,
    Selection(since=at(11), until=at(12)): 3,
    Selection((JobStatus.PENDING,), since=at(1), until=at(3)): 8,
    Selection(arguments=(("user.id", "7"),)): 1,
    Selection(arguments=(("user.name", "Ada"), ("user.vip", "true"), ("args.0.id", "3"))): 1,
    Selection(arguments=(("user.id", "8"),)): 0,
    Selection(arguments=(("kwargs.user.id.x", "7"),)): 0,
}
"""Each with how many match."""


class TestPaging:
    """`page` and `count`."""

    async def test_pages_of_any_length_hold_every_job_that_matches_once_and_in_order(
        self, driver: Driver
    ) -> None:
        jobs = await scene(driver)
        for selection, number in SELECTIONS.items():
            expected = in_order(jobs, selection)
            assert len(expected) == number, selection
            for limit in (1, 3, 50):
                found: list[str] = []
                after: Cursor | None = None
                for _ in range(len(jobs) + 1):
                    page = await driver.insight.page(selection, after, limit, now=NOON)
                    assert len(page.jobs) <= limit
                    assert page.now == NOON
                    found += [job.job_id for job in page.jobs]
                    after = page.next
                    if after is None:
                        break
                assert found == expected, (selection, limit)

    async def test_a_page_shows_jobs_as_they_are_stored(self, driver: Driver) -> None:
        jobs = await scene(driver)
        for job in (await driver.insight.page(Selection())).jobs:
            assert job == jobs[job.job_id]

    async def test_matching_jobs_are_counted_so_far_and_no_further(self, driver: Driver) -> None:
        await scene(driver)
        for selection, number in SELECTIONS.items():
            count = await driver.insight.count(selection, now=NOON)
            assert (count.number, count.exact, count.now) == (number, True, NOON), selection
        few = await driver.insight.count(Selection(), 5)
        assert (few.number, few.exact, str(few)) == (5, False, "5+")
        all_of_them = await driver.insight.count(Selection(), 28)
        assert (all_of_them.number, all_of_them.exact) == (28, True)

    async def test_a_place_is_the_same_as_text(self, driver: Driver) -> None:
        for place in (Cursor(at(0.000001), "a/b c"), Cursor(NOON - timedelta(days=400_000), "")):
            assert Cursor.of(str(place)) == place
        for text in ("", "x/y", "2030-01-01/a", "2030-01-01T00:00:00+00:00", f"{NOON.isoformat()}/\x00"):
            try:
                Cursor.of(text)
            except InvalidInput:
                continue
            raise AssertionError(f"{text!r} should have been refused")
