"""Schedules that would stand still for ever: found, and their runs brought home."""

from __future__ import annotations

from dataclasses import replace

from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.succession import AHEAD
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import MovedRuns, NewSchedule, Origin, StrayAnswer
from pg_scheduler.testing.contract.scene import NOON, at, claimed, new, settle, stored, submit
from pg_scheduler.testing.contract.schedule_scene import (
    MINUTE,
    advance,
    due_keys,
    having,
    schedule,
    spec_text,
    step,
    the_schedule,
)

MINE = schedule(origin=Origin.API)
RENAMED = replace(MINE, task_name="renamed", spec_hash="renamed", task_data='{"args": [1], "kwargs": {}}')


class TestStraying:
    """`stray_schedules`, `move_runs`, and what `due_schedules` leaves out."""

    # --- who needs care

    async def test_a_schedule_of_a_known_task_that_is_confirmed_needs_no_care(self, driver: Driver) -> None:
        await driver.schedules.register_schedules([schedule()], now=NOON)
        await having(driver, replace(MINE, key="mine"), next_window=at(60))
        await advance(driver, step(at(60), key="mine"))
        assert await self._stray(driver, now=SILENCE.total_seconds() - 0.001) == []

    async def test_a_schedule_of_code_that_nobody_confirms_is_told(self, driver: Driver) -> None:
        await driver.schedules.register_schedules([schedule(), schedule("b")], now=NOON)
        await driver.schedules.put_schedule(replace(MINE, key="mine"), now=NOON)
        await driver.schedules.register_schedules([schedule("b"), schedule()], now=NOON)
        await driver.schedules.set_paused("b", True, now=NOON)
        assert await self._stray(driver, now=SILENCE.total_seconds()) == ["b", "key"]
        await driver.schedules.retire_abandoned(["key"], now=at(SILENCE.total_seconds()))
        assert await self._stray(driver, now=SILENCE.total_seconds()) == ["b"]

    async def test_an_active_schedule_of_an_unknown_task_is_told(self, driver: Driver) -> None:
        for key in ("a", "b"):
            await driver.schedules.put_schedule(replace(MINE, key=key, task_name="unknown"), now=NOON)
        await driver.schedules.set_paused("b", True, now=NOON)
        assert await self._stray(driver) == ["a"]
        answer = await driver.schedules.stray_schedules([], now=at(1))
        (one,) = answer.schedules
        assert (answer.now, one.task_name, one.of_code, one.active) == (at(1), "unknown", False, True)
        assert (one.heartbeat, one.mark, one.next_window) == (NOON, None, None)
        assert (one.waits, one.has_runs_of_another_task) == (False, False)

    async def test_it_is_told_whether_it_waits_for_its_own_run(self, driver: Driver) -> None:
        for overlap, waits in (("wait", True), ("skip", False)):
            one = replace(MINE, key=overlap, task_name="unknown", spec=spec_text(overlap=overlap))
            await driver.schedules.put_schedule(one, now=NOON)
            await submit(driver, new(f"run of {overlap}", task="unknown", schedule_key=overlap))
            found = {one.key: one.waits for one in (await self._answer(driver)).schedules}
            assert found[overlap] is waits

    async def test_a_mark_in_the_future_is_told(self, driver: Driver) -> None:
        await having(driver, MINE, next_window=at(600))
        await advance(driver, step(at(600)))
        ahead = 600 - AHEAD.total_seconds()
        assert await self._stray(driver, now=ahead) == []
        assert await self._stray(driver, now=ahead - 0.001) == ["key"]

    # --- runs of a task that was renamed

    async def test_runs_that_have_not_begun_go_on_under_the_new_name(self, driver: Driver) -> None:
        await having(driver, MINE, next_window=at(60))
        taken = step(at(60), at(120))
        await advance(driver, taken)
        await submit(driver, new("manual", schedule_key="key"), new("another", schedule_key="other"))
        await driver.schedules.put_schedule(RENAMED, now=at(61))
        assert await self._stray(driver, "task", "renamed", now=61) == ["key"]
        assert await driver.schedules.move_runs(now=at(62)) == [MovedRuns("key", "task", "renamed", 3)]
        for job_id in (*(job.job_id for job in taken.jobs), "manual"):
            job = await stored(driver, job_id)
            assert (job.task_name, job.status) == ("renamed", JobStatus.PENDING)
        run = await claimed(driver, job_id=taken.jobs[0].job_id, now=at(62))
        assert (run.task_name, run.task_data.replace(" ", "")) == ("renamed", '{"args":[1],"kwargs":{}}')
        assert (await stored(driver, "another")).task_name == "task"
        assert await driver.schedules.move_runs(now=at(63)) == []
        assert await self._stray(driver, "task", "renamed", now=63) == []

    async def test_a_run_that_has_begun_keeps_its_name_until_it_is_pending_again(
        self, driver: Driver
    ) -> None:
        await having(driver, MINE, next_window=at(60))
        taken = step(at(60))
        await advance(driver, taken)
        run = await claimed(driver, job_id=taken.jobs[0].job_id, now=at(60))
        await driver.schedules.put_schedule(RENAMED, now=at(61))
        assert await driver.schedules.move_runs(now=at(62)) == []
        await settle(driver, run, JobEvent.RETRY)
        assert await driver.schedules.move_runs(now=at(63)) == [MovedRuns("key", "task", "renamed", 1)]

    async def test_a_moved_run_leaves_the_lane_of_the_old_name(self, driver: Driver) -> None:
        await having(driver, MINE, next_window=at(60))
        await submit(driver, new("manual", schedule_key="key", limit_key="of the old name"))
        await driver.schedules.put_schedule(RENAMED, now=at(61))
        await driver.schedules.move_runs(now=at(62))
        assert (await stored(driver, "manual")).limit_key is None

    async def test_runs_of_a_schedule_that_is_gone_stay(self, driver: Driver) -> None:
        await driver.schedules.register_schedules([schedule()], now=NOON)
        await submit(driver, new("run", task="renamed", schedule_key="key"))
        await driver.schedules.retire_abandoned(["key"], now=at(SILENCE.total_seconds()))
        assert (await the_schedule(driver)).retired
        assert await driver.schedules.move_runs(now=NOON) == []

    async def test_runs_of_a_replaced_schedule_are_those_of_who_stands_for_it(self, driver: Driver) -> None:
        """It waits for them, and nobody might know what they are called."""
        await driver.schedules.register_schedules(
            [schedule(task_name="before", spec_hash="before")], now=NOON
        )
        await submit(driver, new("run", task="before", schedule_key="key"))
        await driver.schedules.register_schedules([schedule()], now=NOON)
        await driver.schedules.register_schedules([schedule("successor")], now=NOON)
        assert await self._stray(driver) == ["successor"]
        assert await driver.schedules.move_runs(now=NOON) == [MovedRuns("successor", "before", "task", 1)]
        assert (await stored(driver, "run")).task_name == "task"
        assert await self._stray(driver) == []

    async def test_of_several_that_stand_for_it_the_one_that_took_its_place(self, driver: Driver) -> None:
        def release(*every: tuple[str, int]) -> list[NewSchedule]:
            return [
                schedule(key, task_name=f"task@{key}", spec=spec_text(every=minutes * MINUTE))
                for key, minutes in every
            ]

        await driver.schedules.register_schedules(release(("a", 1), ("b", 2)), now=NOON)
        await submit(
            driver,
            new("run of a", task="task@a", schedule_key="a"),
            new("run of b", task="task@b", schedule_key="b"),
        )
        await driver.schedules.register_schedules(release(("x", 2), ("y", 1), ("z", 3)), now=NOON)
        assert await driver.schedules.move_runs(now=NOON) == [
            MovedRuns("x", "task@b", "task@x", 1),
            MovedRuns("y", "task@a", "task@y", 1),
        ]
        assert await driver.schedules.move_runs(now=NOON) == []

    async def test_a_key_that_is_there_again_has_its_runs_to_itself(self, driver: Driver) -> None:
        await driver.schedules.register_schedules([schedule("b", task_name="task@b")], now=NOON)
        await submit(driver, new("run", task="other", schedule_key="b"))
        await driver.schedules.register_schedules([schedule("a", task_name="task@a")], now=NOON)
        both = [schedule(key, task_name=f"task@{key}", spec_hash="anew") for key in "ab"]
        await driver.schedules.register_schedules(both, now=NOON)
        assert await driver.schedules.move_runs(now=NOON) == [MovedRuns("b", "other", "task@b", 1)]

    # --- what a worker cannot read

    async def test_definitions_that_a_worker_cannot_read_make_room(self, driver: Driver) -> None:
        for number, key in enumerate("abc"):
            await having(driver, replace(MINE, key=key), next_window=at(60 + number))
        unreadable = [("a", "hash"), ("b", "hash"), ("c", "another")]
        answer = await driver.schedules.due_schedules(["task"], 1, except_for=unreadable, now=at(99))
        assert [record.new.key for record in answer.schedules] == ["c"]

    async def test_an_unreadable_schedule_is_listed_and_can_be_mended(self, driver: Driver) -> None:
        unknown = spec_text().replace('"every": 60.0', '"every": null').replace(
            '"cron": null', '"cron": "0 8 * * *", "timezone": "Not/Here"'
        )  # fmt: skip
        unknown = unknown.replace(', "timezone": null', "")
        await driver.schedules.put_schedule(replace(MINE, spec=unknown), now=NOON)
        await driver.schedules.put_schedule(replace(MINE, key="fine"), now=NOON)
        assert len(await driver.schedules.list_schedules()) == 2
        assert await due_keys(driver, now=NOON) == ["fine", "key"]
        await driver.schedules.put_schedule(replace(MINE, spec_hash="mended"), now=at(1))
        assert (await the_schedule(driver)).new.spec_hash == "mended"
        await driver.schedules.put_schedule(replace(MINE, key="other", spec=unknown), now=at(2))
        await driver.schedules.register_schedules([schedule("other", task_name="of code")], now=at(3))

    async def _stray(self, driver: Driver, *known: str, now: float = 0) -> list[str]:
        answer = await driver.schedules.stray_schedules(known or ("task",), now=at(now))
        return [one.key for one in answer.schedules]

    async def _answer(self, driver: Driver) -> StrayAnswer:
        return await driver.schedules.stray_schedules(["task"], now=NOON)
