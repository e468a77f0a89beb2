"""Schedules as rows: due windows, the mark, and the jobs of windows, each exactly once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import Advance, Contention
from pg_scheduler.testing.contract.scene import NOON, at, claimed, new, settle, stored, submit
from pg_scheduler.testing.contract.schedule_scene import (
    MINUTE,
    advance,
    due_keys,
    having,
    job_ids,
    schedule,
    spec_text,
    step,
    the_schedule,
)


class SchedulingContract:
    """`advance_schedule`, `due_schedules` and `set_paused`."""

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
        await driver.put_schedule(schedule(), now=NOON)
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
        await driver.put_schedule(schedule(spec_hash="other", rank=1), now=NOON)
        assert (await the_schedule(driver)).next_window == at(60)
        await self._refused(driver, step(at(60)))
        assert await advance(driver, step(at(60), spec_hash="other"))

    async def test_a_step_of_a_paused_schedule_is_refused(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.set_paused("key", True, now=NOON)
        await self._refused(driver, step(at(60)))
        await self._refused(driver, step(expected=None, following=at(60)))

    async def test_a_step_of_a_retired_schedule_is_refused(self, driver: Driver) -> None:
        await driver.register_schedules([schedule()], now=NOON)
        await advance(driver, step(expected=None, following=at(60)))
        await driver.register_schedules([schedule("newer")], now=NOON)
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
        assert await driver.prune(JobStatus.COMPLETED, VacuumPolicy.after_days(0), 10, now=at(70)) == 1
        await self._refused(driver, taken)
        assert await due_keys(driver, now=at(70)) == []
        assert await job_ids(driver) == []

    async def test_a_window_whose_job_is_stored_already_is_passed(self, driver: Driver) -> None:
        taken = step(at(60))
        await submit(driver, new(taken.jobs[0].job_id, rank=1))
        await having(driver, next_window=at(60))
        assert await advance(driver, taken)
        assert (await stored(driver, taken.jobs[0].job_id)).rank == 1

    # --- what is due

    async def test_a_schedule_is_due_from_its_window_on(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        for moment, keys in ((at(59.999999), []), (at(60), ["key"]), (at(9_999), ["key"])):
            answer = await driver.due_schedules(["task"], 10, now=moment)
            assert [record.new.key for record in answer.schedules] == keys
            assert answer.now == moment

    async def test_a_schedule_without_a_window_needs_a_step(self, driver: Driver) -> None:
        await driver.put_schedule(schedule(), now=NOON)
        assert await due_keys(driver, now=NOON) == ["key"]

    async def test_only_schedules_of_known_tasks_are_looked_at(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await having(driver, schedule("other", task_name="unknown"), next_window=at(60))
        assert await due_keys(driver, now=at(60)) == ["key"]
        assert (await driver.due_schedules(["another"], 10, now=NOON)).next_window_in is None
        assert (await driver.due_schedules([], 10, now=at(60))).schedules == ()

    async def test_a_waiting_schedule_is_left_out_while_it_is_busy(self, driver: Driver) -> None:
        for overlap in ("wait", "skip", "allow"):
            await having(driver, schedule(overlap, spec=spec_text(overlap=overlap)), next_window=at(60))
            await submit(driver, new(f"run of {overlap}", schedule_key=overlap))
        assert await due_keys(driver, now=at(60)) == ["allow", "skip"]
        await driver.request_cancel(["run of wait"], now=at(60))
        assert await due_keys(driver, now=at(60)) == ["allow", "skip", "wait"]

    async def test_paused_and_retired_schedules_are_never_due(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.set_paused("key", True, now=NOON)
        await driver.register_schedules([schedule("old", task_name="renewed")], now=NOON)
        await driver.register_schedules([schedule("young", task_name="renewed", paused=True)], now=NOON)
        answer = await driver.due_schedules(["task", "renewed"], 10, now=at(60))
        assert (answer.schedules, answer.next_window_in) == ((), None)

    async def test_the_wait_is_until_the_next_window_of_a_known_task(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await having(driver, schedule("sooner", task_name="unknown"), next_window=at(30))
        await having(driver, schedule("later"), next_window=at(90.25))
        for moment, wait in ((NOON, 60), (at(60), 30.25), (at(90.25), None)):
            answer = await driver.due_schedules(["task"], 10, now=moment)
            assert answer.next_window_in == (None if wait is None else timedelta(seconds=wait))

    async def test_a_limit_takes_those_that_are_longest_due(self, driver: Driver) -> None:
        for number, key in enumerate("cab"):
            await having(driver, schedule(key), next_window=at(60 + number))
        await driver.put_schedule(schedule("z"), now=NOON)
        for limit, keys in ((0, []), (1, ["z"]), (2, ["c", "z"]), (3, ["a", "c", "z"])):
            answer = await driver.due_schedules(["task"], limit, now=at(99))
            assert [record.new.key for record in answer.schedules] == keys

    # --- pause and resume

    async def test_pausing_withdraws_a_windows_job_that_has_not_begun(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60), at(120), at(180)))
        begun, retried, waiting = await job_ids(driver)
        await claimed(driver, job_id=begun, now=at(60))
        await settle(driver, await claimed(driver, job_id=retried, now=at(60)), JobEvent.RETRY)
        await submit(driver, new("manual", schedule_key="key"), new("none"))
        assert await driver.set_paused("key", True, now=at(61))
        found = {job.job_id: job.status for job in await driver.jobs()}
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
        await driver.set_paused("key", True, now=at(61))
        record = await the_schedule(driver)
        assert (record.new.paused, record.next_window, record.mark) == (True, None, at(60))
        assert await driver.set_paused("key", False, now=at(999))
        record = await the_schedule(driver)
        assert (record.new.paused, record.next_window, record.mark) == (False, None, at(60))
        assert await due_keys(driver, now=at(999)) == ["key"]

    async def test_saying_what_is_so_already_changes_nothing(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        before = await the_schedule(driver)
        assert await driver.set_paused("key", False, now=at(5))
        assert await the_schedule(driver) == before

    async def test_what_does_not_exist_cannot_be_paused(self, driver: Driver) -> None:
        assert not await driver.set_paused("key", True, now=NOON)
        assert not await driver.set_paused("key", False, now=NOON)


class SchedulesContract:
    """`put_schedule`, `remove_schedule`, `list_schedules` and `note_manual_run`."""

    async def test_a_schedule_is_stored_as_given(self, driver: Driver) -> None:
        wanted = schedule(
            spec=spec_text(overlap="skip", every=2 * MINUTE),
            rank=1,
            max_retries=3,
            misfire_grace_seconds=7,
            timeout=timedelta(seconds=2.5),
            exclusive=True,
            contention=Contention.SKIP,
            paused=True,
        )
        assert await driver.put_schedule(wanted, now=at(1))
        record = await the_schedule(driver)
        assert _without_json(record.new) == _without_json(wanted)
        assert (record.created_at, record.heartbeat, record.retired) == (at(1), at(1), False)
        assert (record.mark, record.next_window, record.last_job_id) == (None, None, None)
        assert (record.run_count, record.skipped_count, record.busy) == (0, 0, False)

    async def test_the_same_again_changes_nothing_but_the_sign_of_life(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        before = await the_schedule(driver)
        assert not await driver.put_schedule(schedule(), now=at(9))
        assert await the_schedule(driver) == replace(before, heartbeat=at(9))

    async def test_a_new_rule_starts_windows_anew_and_keeps_the_mark(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60)))
        other = schedule(spec=spec_text(every=2 * MINUTE), spec_hash="other")
        assert not await driver.put_schedule(other, now=at(70))
        record = await the_schedule(driver)
        assert (record.mark, record.next_window, record.new.spec_hash) == (at(60), None, "other")
        assert (record.run_count, record.created_at) == (1, NOON)

    async def test_a_new_policy_keeps_the_windows(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.put_schedule(schedule(spec=spec_text(overlap="allow"), spec_hash="other"), now=at(1))
        assert (await the_schedule(driver)).next_window == at(60)

    async def test_who_is_paused_stays_paused_whatever_its_definition(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.set_paused("key", True, now=NOON)
        for wanted in (schedule(), schedule(spec=spec_text(every=2 * MINUTE), spec_hash="other")):
            await driver.put_schedule(wanted, now=at(1))
            assert (await the_schedule(driver)).new.paused
        await driver.set_paused("key", False, now=at(2))
        await driver.put_schedule(schedule(paused=True), now=at(3))
        assert not (await the_schedule(driver)).new.paused

    async def test_a_removed_schedule_is_gone_and_its_jobs_stay(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60)))
        assert await driver.remove_schedule("key")
        assert not await driver.remove_schedule("key")
        assert await driver.list_schedules() == []
        assert len(await job_ids(driver)) == 1

    async def test_schedules_are_listed_by_key(self, driver: Driver) -> None:
        for key in ("b", "a", "B", "_", "\u00e4"):
            await driver.put_schedule(schedule(key), now=NOON)
        assert await _keys(driver) == ["B", "_", "a", "b", "\u00e4"]
        assert await _keys(driver, ["b", "unknown", "a"]) == ["a", "b"]
        assert await _keys(driver, []) == []

    async def test_a_manual_run_is_remembered(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.note_manual_run("key", "manual_periodic:key:1")
        record = await the_schedule(driver)
        assert (record.last_job_id, record.run_count) == ("manual_periodic:key:1", 0)
        await driver.note_manual_run("unknown", "job")
        assert await _keys(driver) == ["key"]


async def _keys(driver: Driver, keys: list[str] | None = None) -> list[str]:
    return [record.new.key for record in await driver.list_schedules(keys)]


def _without_json(definition: Any) -> Any:
    """Text of JSON may come back with other spaces."""
    return replace(definition, spec="", task_data="", backoff=None)
