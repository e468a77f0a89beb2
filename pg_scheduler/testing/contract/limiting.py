"""Lanes: what limits allow, and who is not held up by them."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.claims import LaneAnswer
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.scene import (
    NOON,
    OWNER,
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


async def limit(driver: Driver, **limits: TaskLimits) -> None:
    """Let these limits hold, by task."""
    await driver.limits.set_limits(limits, now=NOON)


async def claim_lanes(
    driver: Driver, *, now_in: float = 0, names: tuple[str, ...] = ("task", "other"), limit: int = 100
) -> LaneAnswer:
    """Claim from lanes, so many seconds after noon."""
    return await driver.jobs.claim_lanes(claim_request(OWNER, names, limit), now=at(now_in))


def ids(answer: LaneAnswer) -> list[str]:
    """What was claimed, in order."""
    return [job.job_id for job in answer.jobs]


class TestLimiting:
    """`set_limits`, `pause_task`, `limits` and `claim_lanes`."""

    async def test_a_limited_task_is_claimed_up_to_its_concurrency(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=2))
        await submit(driver, new("a"), new("b"), new("c"))
        first = await claim_lanes(driver)
        assert ids(first) == ["a", "b"]
        assert ids(await claim_lanes(driver, now_in=1)) == []
        await settle(driver, first.jobs[0], JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver, now_in=11)) == ["c"]

    async def test_the_end_of_a_run_is_signalled_to_who_waits_for_room(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, *(new(job_id) for job_id in "abc"))
        for seconds, event in ((0, JobEvent.COMPLETE), (11, JobEvent.FAIL)):
            (job,) = (await claim_lanes(driver, now_in=seconds)).jobs
            async with listening(driver) as heard:
                await settle(driver, job, event)
                await next_of(heard, SignalKind.LANE)

    async def test_every_way_to_end_a_run_makes_room(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, *(new(job_id) for job_id in "abcd"))
        (failed,) = (await claim_lanes(driver)).jobs
        await settle(driver, failed, JobEvent.FAIL)
        await claim_lanes(driver, now_in=11)
        assert ids(await claim_lanes(driver, now_in=11)) == []
        await reclaim(driver, now=at(72), max_crashes=1)
        assert ids(await claim_lanes(driver, now_in=72)) == ["c"]
        await driver.jobs.override_status("c", JobStatus.COMPLETED, now=at(73))
        assert ids(await claim_lanes(driver, now_in=73)) == ["d"]

    async def test_the_ordinary_claim_does_not_see_limited_jobs(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("limited"), new("free", task="other"))
        answer = await claim(driver, names=("task", "other"))
        assert [job.job_id for job in answer.jobs] == ["free"]

    async def test_a_claim_tells_whether_jobs_outside_lanes_were_due(self, driver: Driver) -> None:
        """If none were, what it has taken need not wait for a claim from there."""
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("limited"), new("free", task="other", due=at(1)))
        answer = await claim_lanes(driver)
        assert (ids(answer), answer.unrivalled) == (["limited"], True)
        await settle(driver, answer.jobs[0], JobEvent.RELEASE)
        answer = await claim_lanes(driver, now_in=11)
        assert (ids(answer), answer.unrivalled) == (["limited"], False)

    async def test_limits_hold_for_each_key_by_itself(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(
            driver,
            new("a1", limit_key="a"), new("a2", limit_key="a"), new("b1", limit_key="b"), new("no key"),
        )  # fmt: skip
        assert ids(await claim_lanes(driver)) == ["a1", "b1", "no key"]
        assert ids(await claim_lanes(driver, now_in=1)) == []

    async def test_a_full_lane_hides_nobody(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, *(new(f"full {n}", rank=1) for n in range(5)), new("behind", task="other"))
        await submit(driver, new("keyed", task="other", limit_key="k"))
        assert ids(await claim_lanes(driver)) == ["full 0", "keyed"]
        assert [job.job_id for job in (await claim(driver, names=("task", "other"))).jobs] == ["behind"]

    async def test_of_more_lanes_than_jobs_are_wanted_the_first_of_all_are_taken(
        self, driver: Driver
    ) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(
            driver,
            new("a", rank=1, due=at(-5), limit_key="of three"),
            new("b", rank=1, due=at(-4), limit_key="of two"),
            new("late", rank=1, due=at(-999), misfire_grace_seconds=5, limit_key="of two"),
            new("c", rank=2, limit_key="of three"), new("d", rank=3, limit_key="of three"),
            new("e", rank=4, limit_key="of one"), new("f", rank=5, limit_key="of another"),
        )  # fmt: skip
        first = await claim_lanes(driver, limit=2)
        assert (ids(first), first.expired) == (["a", "b"], ("late",))
        await settle(driver, first.jobs[0], JobEvent.COMPLETE)
        assert ids(await claim_lanes(driver, now_in=11, limit=2)) == ["c", "e"]

    async def test_a_rate_spaces_the_starts(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=2.0))
        await submit(driver, *(new(job_id) for job_id in "abc"))
        first = await claim_lanes(driver)
        assert (ids(first), first.next_in) == (["a"], timedelta(seconds=0.5))
        assert ids(await claim_lanes(driver, now_in=0.4)) == []
        assert ids(await claim_lanes(driver, now_in=0.5)) == ["b"]

    async def test_after_a_pause_a_tenth_of_a_seconds_worth_may_start_at_once(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=30.0))
        await submit(driver, *(new(f"job {n}") for n in range(9)))
        assert len((await claim_lanes(driver)).jobs) == 3
        assert len((await claim_lanes(driver, now_in=60)).jobs) == 3

    async def test_a_clock_that_is_set_back_empties_the_bucket_and_no_more(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(rate=2.0))
        await submit(driver, new("a", due=at(-9999)), new("b", due=at(-9999)))
        assert ids(await claim_lanes(driver)) == ["a"]
        answer = await claim_lanes(driver, now_in=-3600)
        assert (ids(answer), answer.next_in) == ([], timedelta(seconds=0.5))

    async def test_jobs_stored_before_the_limit_stand_in_lanes_too(self, driver: Driver) -> None:
        await submit(driver, new("a"), new("b"))
        await limit(driver, task=TaskLimits(concurrency=1))
        assert (await claim(driver)).jobs == ()
        assert ids(await claim_lanes(driver)) == ["a"]

    async def test_a_limit_that_is_gone_holds_no_longer(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("a"), new("b"))
        await claim_lanes(driver)
        await limit(driver, task=TaskLimits())
        assert await driver.limits.list_limits() == []
        assert ids(await claim_lanes(driver)) == ["b"]
        await submit(driver, new("c"))
        assert [job.job_id for job in (await claim(driver)).jobs] == ["c"]

    async def test_a_paused_task_is_left_alone_until_it_is_resumed(self, driver: Driver) -> None:
        await submit(driver, new("a"))
        assert await driver.limits.pause_task("task", True, now=NOON)
        assert not await driver.limits.pause_task("task", True, now=NOON)
        await submit(driver, new("b"))
        assert (await claim(driver)).jobs == ()
        assert ids(await claim_lanes(driver)) == []
        assert [(one.task_name, one.paused) for one in await driver.limits.list_limits()] == [("task", True)]
        assert await driver.limits.pause_task("task", False, now=NOON)
        assert ids(await claim_lanes(driver)) == ["a", "b"]
        assert not await driver.limits.pause_task("task", False, now=NOON)

    async def test_limits_and_pauses_do_not_touch_each_other(self, driver: Driver) -> None:
        await driver.limits.pause_task("task", True, now=NOON)
        await limit(driver, task=TaskLimits(concurrency=3))
        (known,) = await driver.limits.list_limits()
        assert (known.limits.concurrency, known.paused) == (3, True)
        await driver.limits.pause_task("task", False, now=NOON)
        (known,) = await driver.limits.list_limits()
        assert (known.limits.concurrency, known.paused) == (3, False)

    async def test_more_urgent_jobs_outside_lanes_take_their_places_first(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=9))
        await submit(driver, new("limited", rank=5), new("urgent", task="other", rank=1))
        answer = await claim_lanes(driver, limit=1)
        assert (ids(answer), answer.more) == ([], True)
        assert ids(await claim_lanes(driver, limit=2)) == ["limited"]

    async def test_lanes_are_claimed_in_one_common_order(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=9), other=TaskLimits(concurrency=9))
        await submit(driver, new("2", task="other", rank=5, due=at(-1)), new("1", rank=1), new("3", rank=5))
        assert ids(await claim_lanes(driver)) == ["1", "2", "3"]

    async def test_what_is_too_late_expires_and_takes_no_room(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("late", due=at(-100), misfire_grace_seconds=5), new("in time"))
        answer = await claim_lanes(driver)
        assert (answer.expired, ids(answer)) == (("late",), ["in time"])
        assert (await stored(driver, "late")).status is JobStatus.EXPIRED

    async def test_only_known_names_are_claimed_from_lanes(self, driver: Driver) -> None:
        await submit(driver, new("a", limit_key="k"))
        assert ids(await claim_lanes(driver, names=("other",))) == []
        assert ids(await claim_lanes(driver)) == ["a"]

    async def test_a_lane_says_when_its_next_job_is_due(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=2))
        await submit(driver, new("later", due=at(7)), new("first"))
        assert (await claim_lanes(driver)).next_in == timedelta(seconds=7)
        await submit(driver, new("second"))
        assert (await claim_lanes(driver)).next_in is None, "it is full: a signal will tell"

    async def test_a_job_asked_for_by_name_counts_against_the_limit(self, driver: Driver) -> None:
        await limit(driver, task=TaskLimits(concurrency=1))
        await submit(driver, new("a"), new("b"))
        assert await driver.jobs.claim_job("b", claim_request(OWNER), now=NOON) is not None
        assert ids(await claim_lanes(driver)) == []

    async def test_pausing_a_paused_task_sorts_what_came_back_from_a_run(self, driver: Driver) -> None:
        await submit(driver, new("a"))
        (job,) = (await claim(driver)).jobs
        await driver.limits.pause_task("task", True, now=NOON)
        await settle(driver, job, JobEvent.SNOOZE, delay=timedelta(0))
        assert await driver.limits.pause_task("task", True, now=NOON) is False
        assert (await claim(driver)).sorted_into_lanes == 0, "it stands in its lane already"
