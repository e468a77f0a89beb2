"""What tells whether anything is wrong."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.cluster_facts import DueJobs, FailedLately, FullGate, LateSchedule
from pg_scheduler.domain.depths import FailedJobs, TaskDepth
from pg_scheduler.domain.limits import OF_QUEUES, TaskLimits
from pg_scheduler.domain.minutes import OTHERS, Tally
from pg_scheduler.domain.problems import problems
from pg_scheduler.domain.schedule import Overlap, ScheduleSpec
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import SignOfLife, WorkerProfile
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.asking_workers import renew
from pg_scheduler.testing.contract.limiting import claim_lanes
from pg_scheduler.testing.contract.scene import NOON, OWNER, at, brought_to, new, started, submit
from pg_scheduler.testing.contract.schedule_scene import advance, having, schedule, spec_text, step


class TestDiagnosing:
    """`cluster_facts`, and `within`."""

    async def test_where_there_is_nothing_there_is_nothing_to_say(self, driver: Driver) -> None:
        facts = await driver.insight.cluster_facts(now=NOON)
        assert (facts.now, facts.workers, facts.due, facts.full, facts.late, facts.retired) == (
            NOON, (), (), (), (), (),
        )  # fmt: skip
        assert (facts.lost, facts.lost_since, facts.paused_tasks, facts.paused_queues) == (0, None, {}, {})

    async def test_due_jobs_are_told_by_queue_and_task_with_the_first_of_each(self, driver: Driver) -> None:
        await submit(
            driver,
            new("1", due=at(-5), rank=9), new("2", due=at(-60), rank=9), new("3", due=at(-30)),
            new("4", due=at(-7), queue="m"), new("5", due=at(-8), task="b", limit_key="k"),
            new("6", due=at(-9), task="b", limit_key="l"), new("7", due=at(1), task="later"),
            new("8", due=NOON, task="b"),
        )  # fmt: skip
        facts = await driver.insight.cluster_facts(now=NOON)
        assert facts.due == (
            DueJobs("default", "b", at(-9)), DueJobs("default", "task", at(-60)),
            DueJobs("m", "task", at(-7)),
        )  # fmt: skip

    async def test_full_lanes_and_queues_are_told_while_jobs_wait_for_them(self, driver: Driver) -> None:
        await driver.limits.set_limits({"task": TaskLimits(1)}, now=NOON)
        await driver.limits.limit_queue("m", TaskLimits(1), now=NOON)
        await submit(
            driver, *(new(f"t{n}", due=at(-n)) for n in range(3)),
            *(new(f"q{n}", due=at(-20 - n), task="other", queue="m") for n in range(2)),
        )  # fmt: skip
        await claim_lanes(driver)
        await claim_lanes(driver, now_in=20)
        facts = await driver.insight.cluster_facts(now=at(60))
        assert facts.full == (FullGate(OF_QUEUES, "m", at(-20)), FullGate("task", "", at(-1)))
        assert (await driver.insight.cluster_facts(now=at(200))).full == ()

    async def test_jobs_are_counted_by_queue_and_task_and_whether_they_may_start(
        self, driver: Driver
    ) -> None:
        for n, key in enumerate(("k", "k", "l", None)):
            await started(driver, f"r{n}", limit_key=key)
        await submit(driver, new("1"), new("2", rank=9), new("3", due=at(1)), new("4", queue="m"))
        await submit(driver, new("5", task="b", limit_key="k"), new("6", task="b", limit_key="l", due=at(9)))
        depths = await driver.insight.depths(now=NOON)
        assert depths.tasks == (
            TaskDepth("default", "b", 1, 1, 0), TaskDepth("default", "task", 2, 1, 4),
            TaskDepth("m", "task", 1, 0, 0),
        )  # fmt: skip
        assert depths.lanes_in_use == {"task": 2}
        assert (await driver.insight.failed_jobs()) == FailedJobs()
        for n, status in enumerate((JobStatus.FAILED, JobStatus.FAILED, JobStatus.CANCELLED)):
            await brought_to(driver, status, f"e{n}")
        assert (await driver.insight.failed_jobs()) == FailedJobs({("default", "task"): 2})

    async def test_jobs_whose_leases_are_over_are_lost(self, driver: Driver) -> None:
        await started(driver, "1")
        await started(driver, "2")
        facts = await driver.insight.cluster_facts(now=at(60))
        assert (facts.lost, facts.lost_since) == (0, None)
        facts = await driver.insight.cluster_facts(now=at(61))
        assert (facts.lost, facts.lost_since) == (2, at(60))

    async def test_schedules_that_need_a_step_are_told_unless_they_are_paused_or_wait(
        self, driver: Driver
    ) -> None:
        for key in ("late", "paused"):
            await having(driver, schedule(key), next_window=at(10))
        await driver.schedules.set_paused("paused", True, now=NOON)
        await driver.schedules.put_schedule(schedule("new"), now=NOON)
        assert [one.key for one in (await driver.insight.cluster_facts(now=at(9))).late] == ["new"]
        facts = await driver.insight.cluster_facts(now=at(10))
        assert facts.late == (
            LateSchedule("late", "task", facts.late[0].spec, at(10)),
            LateSchedule("new", "task", facts.late[1].spec, None),
        )
        assert {ScheduleSpec.from_text(one.spec) for one in facts.late} == {
            ScheduleSpec.from_text(spec_text())
        }

    async def test_one_that_waits_for_its_own_run_is_not_late(self, driver: Driver) -> None:
        for overlap in (Overlap.WAIT, Overlap.ALLOW):
            new_one = schedule(overlap, spec=spec_text(overlap=overlap))
            await having(driver, new_one, next_window=at(10))
            assert await advance(driver, step(at(10), key=overlap, following=at(20)), now=at(10))
        facts = await driver.insight.cluster_facts(now=at(20))
        assert [one.key for one in facts.late] == [Overlap.ALLOW]

    async def test_pauses_are_told_with_their_beginning(self, driver: Driver) -> None:
        await driver.limits.pause_task("task", True, now=NOON)
        await driver.limits.pause_queue("m", True, now=at(1))
        facts = await driver.insight.cluster_facts(now=at(2))
        assert (facts.paused_tasks, facts.paused_queues) == ({"task": NOON}, {"m": at(1)})

    async def test_attempts_that_failed_lately_are_counted_by_task(self, driver: Driver) -> None:
        minutes = driver.minutes
        await minutes.note("w1", {("m", "old"): Tally(failed=9)}, now=at(-360))
        await minutes.note("w1", {("m", "task"): Tally(failed=1, retried=2, completed=4)}, now=at(-290))
        await minutes.note(
            "w2", {("n", "task"): Tally(retried=3), ("m", "fine"): Tally(completed=7)}, now=NOON
        )
        await minutes.note("w2", {("m", "bad"): Tally(failed=7), OTHERS: Tally(failed=99)}, now=NOON)
        facts = await driver.insight.cluster_facts(now=NOON)
        assert facts.failing == (FailedLately("bad", 7, 0), FailedLately("task", 6, 4))

    async def test_a_worker_says_what_its_clock_shows(self, driver: Driver) -> None:
        await renew(driver, says=SignOfLife(clock=at(3)))
        (worker,) = (await driver.insight.cluster_facts(now=NOON)).workers
        assert worker.clock_ahead == timedelta(seconds=3)
        await renew(driver)
        (worker,) = (await driver.insight.cluster_facts(now=NOON)).workers
        assert worker.clock_ahead is None

    async def test_what_nobody_takes_is_a_problem_and_what_is_taken_is_none(self, driver: Driver) -> None:
        limited = driver.within(timedelta(seconds=30))
        await renew(driver, says=SignOfLife(listening=True, profile=WorkerProfile(("task",), capacity=1)))
        await submit(driver, new("taken"), new("not", task="tusk"))
        found = problems(await limited.insight.cluster_facts(now=at(60)))
        assert [(one.code, one.subject) for one in found] == [("unclaimed", "tusk")]
        await driver.jobs.forget_worker(OWNER)
        found = problems(await limited.insight.cluster_facts(now=at(60)))
        assert [one.code for one in found] == ["no_workers"]
