"""Which schedules need a step, and which are paused."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from pg_scheduler.domain.cron import CronRule
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import NOON, at, claimed, new, settle, stored, submit
from pg_scheduler.testing.contract.schedule_scene import (
    advance,
    due_keys,
    having,
    job_ids,
    schedule,
    spec_text,
    step,
    the_schedule,
)


class TestSchedulingDue:
    """`due_schedules` and `set_paused`."""

    # --- what is due

    async def test_a_schedule_is_due_from_its_window_on(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        for moment, keys in ((at(59.999999), []), (at(60), ["key"]), (at(9_999), ["key"])):
            answer = await driver.schedules.due_schedules(["task"], 10, now=moment)
            assert [record.new.key for record in answer.schedules] == keys
            assert answer.now == moment

    async def test_a_schedule_without_a_window_needs_a_step(self, driver: Driver) -> None:
        await driver.schedules.put_schedule(schedule(), now=NOON)
        assert await due_keys(driver, now=NOON) == ["key"]

    async def test_only_schedules_of_known_tasks_are_looked_at(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await having(driver, schedule("other", task_name="unknown"), next_window=at(60))
        assert await due_keys(driver, now=at(60)) == ["key"]
        assert (await driver.schedules.due_schedules(["another"], 10, now=NOON)).next_window_in is None
        assert (await driver.schedules.due_schedules([], 10, now=at(60))).schedules == ()

    async def test_a_waiting_schedule_is_left_out_while_it_is_busy(self, driver: Driver) -> None:
        for overlap in ("wait", "skip", "allow"):
            await having(driver, schedule(overlap, spec=spec_text(overlap=overlap)), next_window=at(60))
            await submit(driver, new(f"run of {overlap}", schedule_key=overlap))
        assert await due_keys(driver, now=at(60)) == ["allow", "skip"]
        await driver.jobs.request_cancel(["run of wait"], now=at(60))
        assert await due_keys(driver, now=at(60)) == ["allow", "skip", "wait"]

    async def test_what_zone_data_may_move_is_found_page_by_page(self, driver: Driver) -> None:
        paris = ScheduleSpec(cron=CronRule("0 9 * * *", ZoneInfo("Europe/Paris"))).text()
        utc = ScheduleSpec(cron=CronRule("0 9 * * *")).text()
        for key in ("c", "a", "b", "B", "paused"):
            await having(driver, schedule(key, spec=paris), next_window=at(60))
        await having(driver, schedule("interval"), next_window=at(60))
        await having(driver, schedule("utc", spec=utc), next_window=at(60))
        await having(driver, schedule("unknown", task_name="unknown", spec=paris), next_window=at(60))
        await driver.schedules.put_schedule(schedule("new", spec=paris), now=NOON)
        await driver.schedules.set_paused("paused", True, now=NOON)
        pages, after = [], ""
        while page := await driver.schedules.zoned_schedules(["task"], after, 3):
            pages.append([record.new.key for record in page])
            after = page[-1].new.key
        assert pages == [["B", "a", "b"], ["c"]]

    async def test_paused_and_retired_schedules_are_never_due(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.schedules.set_paused("key", True, now=NOON)
        await driver.schedules.register_schedules([schedule("old", task_name="renewed")], now=NOON)
        await driver.schedules.register_schedules(
            [schedule("young", task_name="renewed", paused=True)], now=NOON
        )
        answer = await driver.schedules.due_schedules(["task", "renewed"], 10, now=at(60))
        assert (answer.schedules, answer.next_window_in) == ((), None)

    async def test_the_wait_is_until_the_next_window_of_a_known_task(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await having(driver, schedule("sooner", task_name="unknown"), next_window=at(30))
        await having(driver, schedule("later"), next_window=at(90.25))
        for moment, wait in ((NOON, 60), (at(60), 30.25), (at(90.25), None)):
            answer = await driver.schedules.due_schedules(["task"], 10, now=moment)
            assert answer.next_window_in == (None if wait is None else timedelta(seconds=wait))

    async def test_a_limit_takes_those_that_are_longest_due(self, driver: Driver) -> None:
        for number, key in enumerate("cab"):
            await having(driver, schedule(key), next_window=at(60 + number))
        await driver.schedules.put_schedule(schedule("z"), now=NOON)
        for limit, keys in ((0, []), (1, ["z"]), (2, ["c", "z"]), (3, ["a", "c", "z"])):
            answer = await driver.schedules.due_schedules(["task"], limit, now=at(99))
            assert [record.new.key for record in answer.schedules] == keys

    # --- pause and resume

    async def test_pausing_withdraws_a_windows_job_that_has_not_begun(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60), at(120), at(180)))
        begun, retried, waiting = await job_ids(driver)
        await claimed(driver, job_id=begun, now=at(60))
        await settle(driver, await claimed(driver, job_id=retried, now=at(60)), JobEvent.RETRY)
        await submit(driver, new("manual", schedule_key="key"), new("none"))
        assert await driver.schedules.set_paused("key", True, now=at(61))
        found = {job.job_id: job.status for job in await driver.insight.jobs()}
        assert found == {
            begun: JobStatus.RUNNING,
            retried: JobStatus.PENDING,
            waiting: JobStatus.CANCELLED,
            "manual": JobStatus.PENDING,
            "none": JobStatus.PENDING,
        }
        withdrawn = await stored(driver, waiting)
        assert (withdrawn.finished_at, withdrawn.error_message) == (at(61), "its schedule was paused")

    async def test_a_resumed_schedule_starts_over_and_keeps_its_mark(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60)))
        await driver.schedules.set_paused("key", True, now=at(61))
        record = await the_schedule(driver)
        assert (record.new.paused, record.next_window, record.mark) == (True, None, at(60))
        assert await driver.schedules.set_paused("key", False, now=at(999))
        record = await the_schedule(driver)
        assert (record.new.paused, record.next_window, record.mark) == (False, None, at(60))
        assert await due_keys(driver, now=at(999)) == ["key"]

    async def test_saying_what_is_so_already_changes_nothing(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        before = await the_schedule(driver)
        assert await driver.schedules.set_paused("key", False, now=at(5))
        assert await the_schedule(driver) == before

    async def test_what_does_not_exist_cannot_be_paused(self, driver: Driver) -> None:
        assert not await driver.schedules.set_paused("key", True, now=NOON)
        assert not await driver.schedules.set_paused("key", False, now=NOON)
