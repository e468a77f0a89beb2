"""What can be read, and in which order."""

from __future__ import annotations

from datetime import UTC

from pg_scheduler.domain.model import JobInfo, Progress
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import JobPlace, Waiting
from pg_scheduler.testing.contract.scene import (
    NOON,
    OWNER,
    RIVAL,
    at,
    brought_to,
    claim,
    new,
    settle,
    started,
    stored,
    submit,
)


class TestInsight:
    """`job`, `jobs`, `counts`, `unclaimed` and `pending_names`."""

    async def test_an_empty_store_shows_nothing(self, driver: Driver) -> None:
        assert await driver.insight.job("job") is None
        assert await driver.insight.jobs() == []
        assert await driver.insight.attempts("job") == []
        assert await driver.insight.workers() == []
        assert await driver.insight.pending_names() == []
        assert await driver.insight.counts() == dict.fromkeys(JobStatus, 0)

    async def test_what_people_watch_is_what_the_record_says(self, driver: Driver) -> None:
        for status in JobStatus:
            await brought_to(driver, status, status.value)
        job = await started(driver, "far")
        await driver.jobs.note_progress({job.lease: Progress(2.5, None)})
        await settle(driver, await started(driver, "bad"), JobEvent.FAIL, error_message="out of paper")
        found = await driver.insight.infos([*JobStatus, "far", "bad", "gone"])
        assert sorted(found) == sorted([*JobStatus, "far", "bad"])
        for job_id, info in found.items():
            record = await stored(driver, job_id)
            assert info == JobInfo(
                job_id, record.status, record.progress, record.attempt_count, record.error_message
            )
        assert (found["far"].progress, found["bad"].error_message) == (Progress(2.5, None), "out of paper")

    async def test_jobs_come_by_time_then_id(self, driver: Driver) -> None:
        await submit(driver, new("a"), new("B"), new("early", due=at(-1)), new("late", due=at(1)))
        assert [job.job_id for job in await driver.insight.jobs()] == ["early", "B", "a", "late"]
        assert [job.job_id for job in await driver.insight.jobs(limit=2)] == ["early", "B"]

    async def test_jobs_can_be_chosen_by_state_and_name(self, driver: Driver) -> None:
        for status in JobStatus:
            await brought_to(driver, status, status.value)
        await submit(driver, new("other", task="other"))
        for status in JobStatus:
            found = await driver.insight.jobs(statuses=[status], task_name="task")
            assert [job.job_id for job in found] == [status.value]
        both = await driver.insight.jobs(statuses=[JobStatus.FAILED, JobStatus.COMPLETED])
        assert sorted(job.job_id for job in both) == ["completed", "failed"]
        assert [job.job_id for job in await driver.insight.jobs(task_name="other")] == ["other"]

    async def test_jobs_can_be_chosen_by_who_runs_or_ran_them(self, driver: Driver) -> None:
        await started(driver, "mine")
        await started(driver, "done")
        await submit(driver, new("nobody's"))
        assert [one.job_id for one in await driver.insight.jobs(worker_id=OWNER)] == ["done", "mine"]
        assert await driver.insight.jobs(worker_id=RIVAL) == []
        assert await driver.insight.jobs(worker_id=OWNER, statuses=[JobStatus.PENDING]) == []

    async def test_jobs_can_be_chosen_by_when_they_are_due(self, driver: Driver) -> None:
        await submit(driver, new("before", due=at(-0.000001)), new("then"), new("after", due=at(1)))
        assert [job.job_id for job in await driver.insight.jobs(since=NOON)] == ["then", "after"]
        assert [job.job_id for job in await driver.insight.jobs(until=NOON)] == ["before"]
        found = await driver.insight.jobs(since=NOON, until=at(1))
        assert [job.job_id for job in found] == ["then"]

    async def test_jobs_can_be_chosen_by_a_part_of_their_error(self, driver: Driver) -> None:
        errors = {
            "a": "Timeout: 100% of 30 s",
            "b": "timeout: 100 of 30 s",
            "c": r"no_such\file",
            "d": "noXsuch",
        }
        for job_id, error in errors.items():
            job = await started(driver, job_id)
            assert await settle(driver, job, JobEvent.FAIL, error_message=error)
        await submit(driver, new("no error"))
        for part, found in {
            "TIMEOUT: 1": ["a", "b"], "100%": ["a"], "%": ["a"], "_": ["c"], "o_S": ["c"],
            "\\": ["c"], "nox": ["d"], "^no": [], "(": [],
        }.items():  # fmt: skip
            assert [job.job_id for job in await driver.insight.jobs(error=part)] == found, part

    async def test_jobs_can_come_newest_first(self, driver: Driver) -> None:
        await submit(driver, new("a"), new("B"), new("early", due=at(-1)), new("late", due=at(1)))
        found = await driver.insight.jobs(newest_first=True)
        assert [job.job_id for job in found] == ["late", "a", "B", "early"]
        found = await driver.insight.jobs(newest_first=True, limit=2)
        assert [job.job_id for job in found] == ["late", "a"]

    async def test_jobs_are_turned_over_page_by_page(self, driver: Driver) -> None:
        await submit(driver, new("a"), new("B"), new("early", due=at(-1)), new("late", due=at(1)))
        seen: list[str] = []
        before = None
        while page := await driver.insight.jobs(newest_first=True, before=before, limit=1):
            seen.append(page[0].job_id)
            before = JobPlace(page[0].execution_time, page[0].job_id)
        assert seen == ["late", "a", "B", "early"]
        assert [job.job_id for job in await driver.insight.jobs(before=JobPlace(NOON, "a"))] == ["early", "B"]

    async def test_every_state_is_counted(self, driver: Driver) -> None:
        for status in JobStatus:
            await brought_to(driver, status, status.value)
        await submit(driver, new("another"))
        counts = await driver.insight.counts()
        assert counts == {**dict.fromkeys(JobStatus, 1), JobStatus.PENDING: 2}

    async def test_times_are_shown_in_utc(self, driver: Driver) -> None:
        await submit(driver, new(due=at(0.123456)))
        await claim(driver, now=at(1))
        record = await stored(driver)
        for moment in (record.execution_time, record.created_at, record.started_at, record.lease_until):
            assert moment is not None
            assert moment.tzinfo is UTC
        assert record.execution_time == at(0.123456)

    async def test_due_jobs_of_unknown_names_are_found(self, driver: Driver) -> None:
        await submit(
            driver,
            new("1", task="b"),
            new("2", task="b", due=at(-5)),
            new("3", task="a"),
            new("6", task="B"),
            new("4", task="known"),
            new("5", task="c", due=at(60)),
        )
        found = await driver.insight.unclaimed(["known"], now=NOON)
        assert found == [Waiting("B", 1, NOON), Waiting("a", 1, NOON), Waiting("b", 2, at(-5))]
        assert await driver.insight.unclaimed(["known", "B", "a", "b"], now=NOON) == []

    async def test_due_jobs_of_unknown_names_are_found_in_every_queue_rank_and_lane(
        self, driver: Driver
    ) -> None:
        await submit(
            driver,
            new("1", queue="x", rank=0, due=at(60)),
            new("2", queue="x", rank=8, due=at(-1)),
            new("3", queue="y", limit_key="k", due=at(-2)),
            new("4", task="known", queue="z", due=at(-9)),
            new("5", task="other", queue="z", limit_key="k", due=at(60)),
        )
        assert await driver.insight.unclaimed(["known"], now=NOON) == [Waiting("task", 2, at(-2))]

    async def test_names_of_pending_jobs_are_listed_once(self, driver: Driver) -> None:
        await submit(driver, new("1", task="b"), new("2", task="b"), new("3", task="a", due=at(99)))
        await submit(driver, new("4", task="B"), new("5", task="a", queue="other"))
        await submit(driver, new("6", task="l", limit_key="k"), new("7", task="a", limit_key="k"))
        await brought_to(driver, JobStatus.COMPLETED, "done")
        assert await driver.insight.pending_names() == ["B", "a", "b", "l"]

    async def test_ids_are_found_by_their_beginning(self, driver: Driver) -> None:
        await submit(driver, *(new(job_id) for job_id in ("ab", "abc", "abd", "b", "a%", "A")))
        assert await driver.insight.ids_beginning_with("ab", 10) == ["ab", "abc", "abd"]
        assert await driver.insight.ids_beginning_with("ab", 2) == ["ab", "abc"]
        assert await driver.insight.ids_beginning_with("a%", 10) == ["a%"]
        assert await driver.insight.ids_beginning_with("zebra", 10) == []

    async def test_sizes_are_of_the_states_that_one_wants(self, driver: Driver) -> None:
        await submit(driver, new("waits"))
        await settle(driver, await started(driver, "bad"), JobEvent.FAIL)
        failed = await driver.insight.sizes([JobStatus.FAILED])
        assert [(size.task_name, size.status, size.count) for size in failed] == [
            ("task", JobStatus.FAILED, 1)
        ]
        assert await driver.insight.sizes([]) == []
