"""The mark of a schedule and the jobs of its windows, each exactly once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import Advance, Contention
from pg_scheduler.testing.contract.scene import NOON, at, claimed, new, settle, stored, submit
from pg_scheduler.testing.contract.schedule_scene import (
    advance,
    due_keys,
    having,
    job_ids,
    schedule,
    step,
    the_schedule,
)


class TestScheduling:
    """`advance_schedules`."""

    # --- one step

    async def test_a_step_moves_the_mark_and_stores_the_job_of_its_window(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        taken = step(at(60), skipped=2)
        assert await advance(driver, taken, now=at(61))
        record = await the_schedule(driver)
        assert (record.mark, record.next_window) == (at(60), at(120))
        assert (record.run_count, record.skipped_count) == (1, 2)
        assert (record.last_job_id, record.busy) == (taken.jobs[0].job_id, True)
        job = await stored(driver, taken.jobs[0].job_id)
        assert (job.schedule_key, job.schedule_window, job.execution_time) == ("key", at(60), at(60))
        assert (job.status, job.created_at) == (JobStatus.PENDING, at(61))

    async def test_a_windows_job_is_what_its_schedule_says(self, driver: Driver) -> None:
        await having(
            driver,
            schedule(
                task_data='{"args": [1], "kwargs": {}}',
                rank=3,
                max_retries=2,
                misfire_grace_seconds=9,
                timeout=timedelta(seconds=1.5),
                backoff='{"base": 1.0, "factor": 2.0, "cap": 9.0, "jitter": 0.0}',
                exclusive=True,
                contention=Contention.SKIP,
            ),
            next_window=at(60),
        )
        taken = step(at(60))
        await advance(driver, taken)
        job = await stored(driver, taken.jobs[0].job_id)
        assert (job.task_name, job.rank, job.max_retries) == ("task", 3, 2)
        assert (job.misfire_grace_seconds, job.timeout) == (9, timedelta(seconds=1.5))
        run = await claimed(driver, job_id=job.job_id, now=at(60))
        assert (run.schedule_key, run.exclusive_key, run.exclusive_wait) == ("key", "key", False)
        assert run.backoff is not None
        assert run.backoff.cap == timedelta(seconds=9)

    async def test_a_run_of_an_ordinary_schedule_needs_no_lock(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        taken = step(at(60))
        await advance(driver, taken)
        run = await claimed(driver, job_id=taken.jobs[0].job_id, now=at(60))
        assert (run.exclusive_key, run.exclusive_wait) == (None, True)

    async def test_one_step_may_store_several_jobs_or_none(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        assert await advance(driver, step(at(60), at(120), at(180)))
        assert await job_ids(driver) == [f"periodic:key:{int(at(n).timestamp())}" for n in (60, 120, 180)]
        assert await advance(driver, step(expected=at(240), mark=at(300), skipped=2))
        record = await the_schedule(driver)
        assert (record.run_count, record.skipped_count) == (3, 2)
        assert record.last_job_id == (await job_ids(driver))[-1]

    async def test_the_first_step_of_a_schedule_only_finds_its_window(self, driver: Driver) -> None:
        await driver.schedules.put_schedule(schedule(), now=NOON)
        assert await advance(driver, step(expected=None, following=at(60)))
        record = await the_schedule(driver)
        assert (record.mark, record.next_window, record.run_count) == (None, at(60), 0)
        assert await job_ids(driver) == []

    # --- the guards

    async def test_a_step_that_somebody_else_has_taken_is_refused(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        assert await advance(driver, step(at(60)))
        await self._refused(driver, step(at(60)))

    async def test_a_step_that_expects_another_window_is_refused(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        for expected in (None, at(59), at(60.000001), at(120)):
            await self._refused(driver, step(expected=expected, mark=at(130), jobs=(at(130),)))

    async def test_a_mark_that_does_not_grow_is_refused(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60)))
        for mark in (at(60), at(59)):
            await self._refused(driver, step(expected=at(120), mark=mark, jobs=(mark,)))
        assert await advance(driver, step(expected=at(120), mark=at(60.5), jobs=(at(60.5),)))

    async def test_a_step_planned_for_another_definition_is_refused(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.schedules.put_schedule(schedule(spec_hash="other", rank=1), now=NOON)
        assert (await the_schedule(driver)).next_window == at(60)
        await self._refused(driver, step(at(60)))
        assert await advance(driver, step(at(60), spec_hash="other"))

    async def test_a_step_of_a_paused_schedule_is_refused(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.schedules.set_paused("key", True, now=NOON)
        await self._refused(driver, step(at(60)))
        await self._refused(driver, step(expected=None, following=at(60)))

    async def test_a_step_of_a_retired_schedule_is_refused(self, driver: Driver) -> None:
        await driver.schedules.register_schedules([schedule()], now=NOON)
        await advance(driver, step(expected=None, following=at(60)))
        await driver.schedules.register_schedules([schedule("newer")], now=NOON)
        await self._refused(driver, step(at(60)))
        await self._refused(driver, step(expected=None, following=at(60)))

    async def test_a_step_of_no_schedule_is_refused(self, driver: Driver) -> None:
        assert not await advance(driver, step(at(60)))
        assert await job_ids(driver) == []

    async def test_a_step_that_must_not_overlap_waits_for_every_unfinished_run(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await submit(driver, new("manual", schedule_key="key"))
        await self._refused(driver, step(at(60), unless_busy=True))
        run = await claimed(driver, job_id="manual")
        await self._refused(driver, step(at(60), unless_busy=True))
        await settle(driver, run, JobEvent.RETRY)
        await self._refused(driver, step(at(60), unless_busy=True))
        again = await claimed(driver, job_id="manual", now=at(50))
        await settle(driver, again, JobEvent.FAIL)
        assert await advance(driver, step(at(60), unless_busy=True))

    async def test_a_step_that_may_overlap_does_not_wait(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        assert await advance(driver, step(at(60)))
        assert await advance(driver, step(at(120), unless_busy=False))
        assert len(await job_ids(driver)) == 2

    async def test_runs_of_other_schedules_do_not_make_it_busy(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await submit(driver, new("other", schedule_key="other"), new("none"))
        assert not (await the_schedule(driver)).busy
        assert await advance(driver, step(at(60), unless_busy=True))

    async def _refused(self, driver: Driver, taken: Advance) -> None:
        before, jobs = await the_schedule(driver), await job_ids(driver)
        assert not await advance(driver, taken)
        assert (await the_schedule(driver), await job_ids(driver)) == (before, jobs)

    # --- exactly once

    async def test_callers_that_race_store_a_window_once(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        for number in range(1, 6):
            taken = step(at(60 * number))
            answers = await asyncio.gather(*(advance(driver, taken) for _ in range(8)))
            assert answers.count(True) == 1
        record = await the_schedule(driver)
        assert (record.run_count, record.mark) == (5, at(300))
        assert len(await job_ids(driver)) == 5

    async def test_different_steps_that_race_do_not_both_count(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        rivals = [step(at(60)), step(expected=at(60), mark=at(120), jobs=(at(120),), skipped=1)] * 4
        answers = await asyncio.gather(*(advance(driver, one) for one in rivals))
        assert answers.count(True) == 1
        assert len(await job_ids(driver)) == 1

    async def test_pruning_a_windows_job_does_not_open_its_window_again(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        taken = step(at(60))
        await advance(driver, taken)
        run = await claimed(driver, job_id=taken.jobs[0].job_id, now=at(60))
        await settle(driver, run, JobEvent.COMPLETE, now=at(61))
        assert (
            await driver.retention.prune(JobStatus.COMPLETED, VacuumPolicy.after_days(0), 10, now=at(70)) == 1
        )
        await self._refused(driver, taken)
        assert await due_keys(driver, now=at(70)) == []
        assert await job_ids(driver) == []

    async def test_a_window_whose_job_is_stored_already_is_passed(self, driver: Driver) -> None:
        taken = step(at(60))
        await submit(driver, new(taken.jobs[0].job_id, rank=1))
        await having(driver, next_window=at(60))
        assert await advance(driver, taken)
        assert (await stored(driver, taken.jobs[0].job_id)).rank == 1

    # --- several at once

    async def test_steps_of_several_schedules_count_each_by_itself(self, driver: Driver) -> None:
        keys = ["b", "ä", "a", "B"]
        for key in keys:
            await having(driver, schedule(key), next_window=at(60))
        steps = [step(at(60), key=key) for key in keys]
        steps[1] = step(at(60), key="ä", spec_hash="other")
        steps.append(step(at(60), key="nobody's"))
        assert await driver.schedules.advance_schedules(steps, now=at(60)) == [True, False, True, True, False]
        records = {record.new.key: record for record in await driver.schedules.list_schedules()}
        assert {key: record.run_count for key, record in records.items()} == {"b": 1, "ä": 0, "a": 1, "B": 1}
        assert records["a"].last_job_id == steps[2].jobs[0].job_id
        assert sorted(await job_ids(driver)) == sorted(steps[place].jobs[0].job_id for place in (0, 2, 3))

    async def test_two_who_take_the_same_steps_in_different_orders_share_them(self, driver: Driver) -> None:
        keys = [f"key {number}" for number in range(20)]
        for key in keys:
            await having(driver, schedule(key), next_window=at(60))
        for number in range(1, 6):
            steps = [step(at(60 * number), key=key) for key in keys]
            one, other = await asyncio.gather(
                driver.schedules.advance_schedules(steps, now=at(400)),
                driver.schedules.advance_schedules(steps[::-1], now=at(400)),
            )
            assert [a + b for a, b in zip(one, other[::-1], strict=True)] == [1] * len(keys)
        assert len(await job_ids(driver)) == 5 * len(keys)
