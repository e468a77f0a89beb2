"""Why a job does not run: each reason by construction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.domain.job_facts import MOST_AHEAD, JobFacts
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.why import Reason, explain, must_act
from pg_scheduler.domain.workers import SignOfLife, WorkerProfile, WorkerState, WorkerWish
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.scene import (
    NOON,
    OWNER,
    RIVAL,
    at,
    brought_to,
    claim,
    claim_request,
    claimed,
    new,
    settle,
    started,
    submit,
)

KNOWS = WorkerProfile(("other", "task"), capacity=10, library_version="0.3.0")


async def work(
    driver: Driver,
    worker: str = OWNER,
    *,
    seconds: float = 0,
    state: WorkerState = WorkerState.WORKING,
    **profile: Any,
) -> None:
    """A worker says that it lives, and what it knows."""
    says = SignOfLife(state, True, replace(KNOWS, **profile))
    await driver.jobs.renew(RenewRequest(worker, "host", 7, timedelta(seconds=60), (), says), now=at(seconds))


async def facts(driver: Driver, job_id: str = "job", now: datetime = NOON) -> JobFacts:
    """What is known of a job."""
    found = await driver.insight.facts_about(job_id, now=now)
    assert found is not None
    return found


async def why(driver: Driver, job_id: str = "job", now: datetime = NOON) -> tuple[Reason, ...]:
    """Its reasons."""
    return explain(await driver.insight.facts_about(job_id, now=now))


def codes(reasons: Collection[Reason]) -> list[str]:
    """Of those that hold."""
    return [reason.code for reason in reasons if reason.holds]


class TestExplaining:
    """`facts_about`, and what `explain` makes of it."""

    async def test_one_that_is_not_there_is_gone(self, driver: Driver) -> None:
        assert codes(await why(driver)) == ["gone"]
        assert must_act(await why(driver))

    async def test_one_that_has_ended_says_how(self, driver: Driver) -> None:
        for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED):
            await brought_to(driver, status, status.value)
            reasons = await why(driver, status.value, at(20))
            assert codes(reasons) == ["ended"]
            assert must_act(reasons) is (status is not JobStatus.COMPLETED)

    async def test_one_that_runs_says_where_and_that_its_worker_is_silent(self, driver: Driver) -> None:
        await started(driver)
        await work(driver)
        (reason,) = await why(driver, now=at(30))
        assert (reason.code, reason.act, reason.refers_to) == ("running", False, (OWNER,))
        assert "for 30 s" in reason.text
        assert "silent" not in reason.text
        (reason,) = await why(driver, now=at(61))
        assert "silent" in reason.text

    async def test_nothing_holds_a_due_job_that_a_worker_can_take(self, driver: Driver) -> None:
        await submit(driver, new())
        await work(driver)
        reasons = await why(driver)
        assert (codes(reasons), must_act(reasons)) == (["next"], False)

    async def test_one_that_is_not_due_says_when_and_after_what(self, driver: Driver) -> None:
        await submit(driver, new(due=at(180)))
        await work(driver)
        assert "due in 3 min" in (await why(driver))[0].text
        job = await started(driver, "again", max_retries=5)
        await settle(driver, job, JobEvent.RETRY, error_message="Timeout: slow")
        reasons = await why(driver, "again", at(10))
        assert codes(reasons) == ["future"]
        assert "retry 1 of 5 after Timeout: slow" in reasons[0].text

    async def test_a_task_that_nobody_knows_and_the_name_that_was_meant(self, driver: Driver) -> None:
        await submit(driver, new(task="tsk"))
        await work(driver)
        (reason, *rest) = await why(driver)
        assert (reason.code, reason.act, codes(rest)) == ("unknown_task", True, [])
        assert "'task'" in reason.text

    async def test_who_knew_the_task_and_is_gone_is_named(self, driver: Driver) -> None:
        await submit(driver, new())
        await work(driver, RIVAL, app_version="1.4")
        await work(driver, seconds=61, task_names=("other",))
        (reason, *_) = await why(driver, now=at(61))
        assert reason.code == "unknown_task"
        assert f"{RIVAL} (version 1.4)" in reason.text
        assert (await facts(driver, now=at(61))).known_names == ("other",)

    async def test_workers_that_know_it_may_run_others_only(self, driver: Driver) -> None:
        await submit(driver, new())
        await work(driver, chosen=("other",))
        assert codes(await why(driver)) == ["not_chosen"]
        await work(driver, RIVAL, chosen=("task",))
        assert codes(await why(driver)) == ["next"]

    async def test_workers_that_know_it_may_serve_other_queues(self, driver: Driver) -> None:
        await submit(driver, new(queue="bulk"))
        await work(driver, queues={"mail": 3})
        assert codes(await why(driver)) == ["not_served"]
        await work(driver, RIVAL, queues={"bulk": None})
        assert codes(await why(driver)) == ["next"]

    async def test_nobody_works_or_all_are_quiet_or_stop(self, driver: Driver) -> None:
        await submit(driver, new())
        assert codes(await why(driver)) == ["no_worker"]
        await work(driver)
        assert codes(await why(driver, now=at(61))) == ["no_worker"]
        await driver.steering.ask_worker(OWNER, WorkerWish.QUIET)
        (reason, *_) = await why(driver)
        assert (reason.code, reason.fix) == ("no_worker", f"pgq workers resume {OWNER}")
        await driver.steering.ask_worker(OWNER, WorkerWish.WORK)
        await work(driver, state=WorkerState.STOPPING)
        assert codes(await why(driver)) == ["no_worker"]

    async def test_a_pause_of_its_task_or_queue_says_since_when(self, driver: Driver) -> None:
        await submit(driver, new())
        await work(driver)
        await driver.limits.pause_queue("default", True, now=at(-300))
        (reason, *_) = await why(driver)
        assert (reason.code, reason.fix, reason.act) == ("paused", "pgq queues resume default", True)
        assert "5 min" in reason.text
        await driver.limits.pause_task("task", True, now=at(-120))
        (reason, *_) = await why(driver)
        assert (reason.code, reason.fix) == ("paused", "pgq tasks resume task")

    async def test_a_full_lane_names_who_holds_its_places(self, driver: Driver) -> None:
        await driver.limits.set_limits({"task": TaskLimits(concurrency=2)}, now=NOON)
        await submit(driver, *(new(one, limit_key="acme") for one in ("1", "2")), new(limit_key="acme"))
        await submit(driver, new("free", limit_key="globex"))
        for one in ("1", "2"):
            await claimed(driver, job_id=one)
        await work(driver)
        (reason, *rest) = await why(driver, now=at(60))
        assert (reason.code, reason.refers_to, reason.act) == ("lane_full", ("1", "2"), False)
        assert "'acme'" in reason.text
        assert "2 of 2" in reason.text
        assert codes(rest) == []
        assert codes(await why(driver, "free")) == ["next"]

    async def test_a_full_queue_names_who_holds_its_places(self, driver: Driver) -> None:
        await driver.limits.limit_queue("default", TaskLimits(concurrency=1), now=NOON)
        await submit(driver, new("1", task="other"), new())
        await claimed(driver, job_id="1")
        await work(driver)
        (reason, *_) = await why(driver)
        assert (reason.code, reason.refers_to) == ("lane_full", ("1",))
        assert "the queue 'default'" in reason.text

    async def test_a_rate_says_when_the_next_may_start(self, driver: Driver) -> None:
        await driver.limits.set_limits({"task": TaskLimits(rate=0.1)}, now=NOON)
        await submit(driver, new("1"), new())
        taken = await driver.jobs.claim_lanes(claim_request(), now=NOON)
        assert [job.job_id for job in taken.jobs] == ["1"]
        await work(driver)
        (reason, *_) = await why(driver, now=at(4))
        assert (reason.code, reason.act) == ("rate", False)
        assert "in 6.0 s" in reason.text
        assert codes(await why(driver, now=at(10))) == ["next"]

    async def test_all_slots_may_be_taken_of_the_worker_or_of_the_queue_in_it(self, driver: Driver) -> None:
        await started(driver, "1")
        await submit(driver, new("0", rank=1), new())
        await work(driver, capacity=1)
        reasons = await why(driver)
        assert codes(reasons) == ["busy"]
        assert "1/1; 1 due jobs of its task start before it" in reasons[0].text
        await work(driver, capacity=9, queues={"default": 1})
        assert codes(await why(driver)) == ["busy"]
        await work(driver, RIVAL)
        assert codes(await why(driver)) == ["next"]

    async def test_the_run_of_its_schedule_before_it_is_not_over(self, driver: Driver) -> None:
        run: dict[str, Any] = {"schedule_key": "s", "exclusive_key": "lock"}
        await started(driver, "1", **run)
        await submit(driver, new(**run), new("other", schedule_key="s"))
        await work(driver)
        (reason, *_) = await why(driver)
        assert (reason.code, reason.refers_to) == ("exclusive", ("1",))
        assert codes(await why(driver, "other")) == ["next"]

    async def test_what_holds_it_comes_in_the_order_of_a_claim(self, driver: Driver) -> None:
        await submit(driver, new(due=at(60), queue="q"))
        await work(driver, chosen=("other",))
        await driver.limits.pause_queue("q", True, now=NOON)
        reasons = await why(driver)
        assert codes(reasons) == ["future", "not_chosen", "paused"]
        assert must_act(reasons)

    async def test_only_due_jobs_count_that_start_before_it(self, driver: Driver) -> None:
        await submit(driver, new(rank=5), new("first", rank=4), new("late", rank=4, due=at(9)))
        await submit(driver, new("other queue", rank=0, queue="q"), new("other task", rank=0, task="other"))
        await submit(driver, new("keyed", rank=0, limit_key="k"), new("second", rank=1, limit_key="k"))
        assert (await facts(driver)).ahead == 1
        assert (await facts(driver, "second")).ahead == 1
        assert MOST_AHEAD == 10_000

    async def test_looking_changes_nothing(self, driver: Driver) -> None:
        await submit(driver, new())
        before = await driver.insight.job("job")
        assert not (await facts(driver)).row_is_held
        assert await driver.insight.job("job") == before
        assert [job.job_id for job in (await claim(driver)).jobs] == ["job"]
