"""Limits of queues: what all tasks of a queue may do together."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.limiting import claim_lanes, ids, limit
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    REPLACE,
    at,
    claim,
    claim_request,
    new,
    reclaim,
    settle,
    stored,
    submit,
)
from pg_scheduler.testing.contract.signals import listening, next_of

ONE, TWO = TaskLimits(concurrency=1), TaskLimits(concurrency=2)
GRACE = 5


async def limit_queue(driver: Driver, queue: str, limits: TaskLimits) -> bool:
    """Let these limits hold from noon on."""
    return await driver.limits.limit_queue(queue, limits, now=NOON)


class TestLimitingQueues:
    """`limit_queue` and `claim_lanes`."""

    async def test_all_tasks_of_a_limited_queue_share_its_concurrency(self, driver: Driver) -> None:
        await limit_queue(driver, "m", TWO)
        await submit(
            driver,
            new("a", queue="m"), new("b", queue="m", task="other"), new("c", queue="m", task="other"),
            new("d", queue="m", limit_key="key"),
        )  # fmt: skip
        assert (await claim(driver, names=("task", "other"))).jobs == ()
        first = await claim_lanes(driver)
        assert ids(first) == ["a", "b"]
        assert ids(await claim_lanes(driver, now_in=1)) == []
        await settle(driver, first.jobs[0], JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver, now_in=11)) == ["c"]
        assert ids(await claim_lanes(driver, now_in=11)) == []

    async def test_other_queues_do_not_feel_it(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("m1", queue="m", rank=1), new("free", rank=9))
        await submit(driver, new("m2", queue="m", rank=1, limit_key="another"))
        await submit(driver, new("keyed", queue="n", limit_key="key"))
        assert ids(await claim_lanes(driver, limit=2)) == ["m1", "keyed"]
        assert [job.job_id for job in (await claim(driver)).jobs] == ["free"]

    async def test_every_way_to_end_a_run_makes_room(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, *(new(job_id, queue="m") for job_id in "abcd"))
        (failed,) = (await claim_lanes(driver)).jobs
        await settle(driver, failed, JobEvent.FAIL)
        await claim_lanes(driver, now_in=11)
        assert ids(await claim_lanes(driver, now_in=11)) == []
        await reclaim(driver, now=at(72), max_crashes=1)
        assert ids(await claim_lanes(driver, now_in=72)) == ["c"]
        await driver.jobs.override_status("c", JobStatus.COMPLETED, now=at(73))
        assert ids(await claim_lanes(driver, now_in=73)) == ["d"]

    async def test_the_end_of_a_run_is_signalled_to_another_lane_of_the_queue(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, *(new(job_id, queue="m", limit_key=job_id) for job_id in "abc"))
        for seconds, event in ((0, JobEvent.COMPLETE), (11, JobEvent.FAIL)):
            (job,) = (await claim_lanes(driver, now_in=seconds)).jobs
            async with listening(driver) as heard:
                await settle(driver, job, event)
                await next_of(heard, SignalKind.LANE)

    async def test_the_limit_of_a_task_and_of_its_queue_both_hold(self, driver: Driver) -> None:
        await limit(driver, task=TWO)
        await limit_queue(driver, "m", TaskLimits(concurrency=3))
        await submit(driver, *(new(f"task {n}", queue="m") for n in range(3)))
        await submit(driver, *(new(f"zther {n}", queue="m", task="other") for n in range(3)))
        await submit(driver, new("elsewhere"))
        assert ids(await claim_lanes(driver)) == ["elsewhere", "task 0", "zther 0", "zther 1"]

    async def test_a_lane_gives_from_another_queue_where_one_is_full(self, driver: Driver) -> None:
        await limit(driver, task=TWO)
        await limit_queue(driver, "m", ONE)
        await submit(driver, *(new(f"m{n}", queue="m", rank=1) for n in range(3)), new("n1", queue="n"))
        first = await claim_lanes(driver)
        assert (ids(first), first.more) == (["m0"], True)
        assert ids(await claim_lanes(driver)) == ["n1"]

    async def test_a_full_queue_does_not_ask_to_be_looked_at_again(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, *(new(f"m{n}", queue="m") for n in range(3)))
        for _ in range(2):
            answer = await claim_lanes(driver)
            assert (answer.more, answer.next_in) == (False, None), "a signal will tell"

    async def test_a_queue_says_when_its_next_job_is_due(self, driver: Driver) -> None:
        await limit_queue(driver, "m", TWO)
        await submit(driver, new("later", queue="m", due=at(7)), new("first", queue="m"))
        assert (await claim_lanes(driver)).next_in == timedelta(seconds=7)
        await submit(driver, new("second", queue="m", task="other"))
        assert (await claim_lanes(driver)).next_in is None, "it is full: a signal will tell"

    async def test_a_rate_spaces_the_starts_of_all_tasks(self, driver: Driver) -> None:
        await limit_queue(driver, "m", TaskLimits(rate=2.0))
        await submit(driver, new("a", queue="m"), new("b", queue="m", task="other"), new("c", queue="m"))
        first = await claim_lanes(driver)
        assert (ids(first), first.next_in) == (["a"], timedelta(seconds=0.5))
        assert ids(await claim_lanes(driver, now_in=0.4)) == []
        assert ids(await claim_lanes(driver, now_in=0.5)) == ["b"]
        assert ids(await claim_lanes(driver, now_in=1)) == ["c"]

    async def test_of_two_rates_the_slower_one_counts(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=2.0))
        await limit_queue(driver, "m", TaskLimits(rate=0.5))
        await submit(driver, new("a", queue="m"), new("b", queue="m"))
        first = await claim_lanes(driver)
        assert (ids(first), first.next_in) == (["a"], timedelta(seconds=2))
        assert ids(await claim_lanes(driver, now_in=1.9)) == []
        assert ids(await claim_lanes(driver, now_in=2)) == ["b"]

    async def test_jobs_stored_before_the_limit_are_limited_too(self, driver: Driver) -> None:
        await submit(driver, *(new(job_id, queue="m") for job_id in "abcd"))
        (run,) = (await claim(driver, limit=1)).jobs
        assert await limit_queue(driver, "m", TWO)
        answer = await claim(driver)
        assert (answer.jobs, answer.sorted_into_lanes) == ((), 0), "they stand in lanes already"
        assert ids(await claim_lanes(driver)) == ["b"], "what runs takes its place"
        await settle(driver, run, JobEvent.SNOOZE, delay=timedelta(0))
        assert (await claim(driver, now=at(20))).sorted_into_lanes == 0, "it stands in its lane already"
        assert len((await claim_lanes(driver, now_in=20)).jobs) == 1

    async def test_limits_are_listed_raised_and_ended(self, driver: Driver) -> None:
        assert await limit_queue(driver, "m", ONE)
        assert not await limit_queue(driver, "m", ONE)
        await limit_queue(driver, "a", TaskLimits(rate=2.5))
        found = [(one.queue, one.limits, one.since) for one in await driver.limits.queue_limits()]
        assert found == [("a", TaskLimits(rate=2.5), NOON), ("m", ONE, NOON)]
        await submit(driver, *(new(job_id, queue="m") for job_id in "abc"))
        assert ids(await claim_lanes(driver)) == ["a"]
        assert await limit_queue(driver, "m", TWO)
        assert ids(await claim_lanes(driver)) == ["b"]
        assert await limit_queue(driver, "m", NO_LIMITS)
        assert not await limit_queue(driver, "m", NO_LIMITS)
        assert [one.queue for one in await driver.limits.queue_limits()] == ["a"]
        assert ids(await claim_lanes(driver)) == ["c"]
        await submit(driver, new("d", queue="m"))
        assert [job.job_id for job in (await claim(driver)).jobs] == ["d"]

    async def test_a_limit_that_is_lowered_waits_for_what_runs(self, driver: Driver) -> None:
        await limit_queue(driver, "m", TWO)
        await submit(driver, *(new(job_id, queue="m") for job_id in "abc"))
        first, second = (await claim_lanes(driver)).jobs
        await limit_queue(driver, "m", ONE)
        await settle(driver, first, JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver)) == []
        await settle(driver, second, JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver)) == ["c"]

    async def test_limits_that_change_are_signalled(self, driver: Driver) -> None:
        for limits in (TWO, NO_LIMITS):
            async with listening(driver) as heard:
                await limit_queue(driver, "m", limits)
                await next_of(heard, SignalKind.LANE)

    async def test_limits_and_pauses_do_not_touch_each_other(self, driver: Driver) -> None:
        await driver.limits.pause_queue("m", True, now=at(1))
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("a", queue="m"), new("b", queue="m"))
        assert [(paused.queue, paused.since) for paused in await driver.limits.paused_queues()] == [
            ("m", at(1))
        ]
        assert ids(await claim_lanes(driver)) == []
        await driver.limits.pause_queue("m", False, now=at(2))
        assert [one.limits for one in await driver.limits.queue_limits()] == [ONE]
        assert ids(await claim_lanes(driver, now_in=2)) == ["a"]
        await driver.limits.pause_queue("m", True, now=at(3))
        await limit_queue(driver, "m", NO_LIMITS)
        assert ids(await claim_lanes(driver, now_in=3)) == []
        assert [paused.queue for paused in await driver.limits.paused_queues()] == ["m"]

    async def test_a_replaced_run_keeps_its_place_in_the_queue_it_runs_in(self, driver: Driver) -> None:
        for queue in "mn":
            await limit_queue(driver, queue, ONE)
        await submit(driver, new("m1", queue="m"), new("m2", queue="m", task="other"))
        (run,) = (await claim_lanes(driver)).jobs
        for seconds, queue in ((1, "n"), (2, DEFAULT_QUEUE), (3, "n")):
            await submit(driver, new("m1", queue=queue, due=at(500)), conflict=REPLACE, now=at(seconds))
            assert ids(await claim_lanes(driver, now_in=seconds)) == [], "the place in m is taken"
        await submit(driver, new("n1", queue="n"))
        assert ids(await claim_lanes(driver, now_in=4)) == ["n1"], "that in n is not"
        async with listening(driver) as heard:
            assert await settle(driver, run, JobEvent.COMPLETE)
            await next_of(heard, SignalKind.LANE)
        assert ids(await claim_lanes(driver, now_in=11)) == ["m2"]
        assert ids(await claim_lanes(driver, now_in=501)) == [], "it waits for the place in n now"

    async def test_a_run_replaced_before_the_limit_came_keeps_its_place(self, driver: Driver) -> None:
        await submit(driver, new("m1", queue="m"))
        (run,) = (await claim(driver)).jobs
        await submit(driver, new("m1", due=at(500)), conflict=REPLACE, now=at(1))
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("m2", queue="m"))
        assert ids(await claim_lanes(driver, now_in=2)) == []
        async with listening(driver) as heard:
            await settle(driver, run, JobEvent.COMPLETE)
            await next_of(heard, SignalKind.LANE)
        assert ids(await claim_lanes(driver, now_in=11)) == ["m2"]

    async def test_a_job_asked_for_by_its_id_takes_a_place(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("a", queue="m"), new("b", queue="m"))
        assert await driver.jobs.claim_job("b", claim_request(OWNER), now=NOON) is not None
        assert ids(await claim_lanes(driver)) == []

    async def test_a_full_queue_does_not_count_against_the_grace(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("long", queue="m"))
        await submit(driver, new("waits", queue="m", task="other", misfire_grace_seconds=GRACE))
        (run,) = (await claim_lanes(driver)).jobs
        assert ids(await claim_lanes(driver, now_in=7200)) == []
        await driver.jobs.renew(RenewRequest(OWNER, "host", 1, LEASE, [run.lease]), now=at(7200))
        assert (await reclaim(driver, now=at(7201))).jobs == ()
        await settle(driver, run, JobEvent.COMPLETE, now=at(7210))
        assert ids(await claim_lanes(driver, now_in=7210)) == ["waits"]

    async def test_nor_does_the_rate_of_a_queue(self, driver: Driver) -> None:
        await limit_queue(driver, "m", TaskLimits(rate=1 / 60))
        await submit(driver, *(new(job_id, queue="m", misfire_grace_seconds=GRACE) for job_id in "ab"))
        assert ids(await claim_lanes(driver)) == ["a"]
        assert ids(await claim_lanes(driver, now_in=60 + GRACE)) == ["b"]

    async def test_limits_that_end_leave_the_grace_alone(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("long", queue="m"), new("waits", queue="m", misfire_grace_seconds=GRACE))
        await claim_lanes(driver)
        assert ids(await claim_lanes(driver, now_in=50)) == []
        await limit_queue(driver, "m", NO_LIMITS)
        assert ids(await claim_lanes(driver, now_in=60)) == ["waits"]

    async def test_what_is_too_late_expires_and_takes_no_room(self, driver: Driver) -> None:
        await limit_queue(driver, "m", ONE)
        await submit(driver, new("late", queue="m", due=at(-100), misfire_grace_seconds=GRACE))
        await submit(driver, new("in time", queue="m"))
        answer = await claim_lanes(driver)
        assert (answer.expired, ids(answer)) == (("late",), ["in time"])
        assert (await stored(driver, "late")).status is JobStatus.EXPIRED
