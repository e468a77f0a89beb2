"""What the code says and what is stored: `register_schedules`."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import NewSchedule, Origin, ScheduleRecord
from pg_scheduler.testing.contract.scene import NOON, at
from pg_scheduler.testing.contract.schedule_scene import (
    MINUTE,
    advance,
    due_keys,
    job_ids,
    schedule,
    spec_text,
    step,
    the_schedule,
)

OLD = schedule("old", spec_hash="old")
NEW = schedule("new", spec=spec_text(every=2 * MINUTE), spec_hash="new")
"""Another expression for the same task, and so another key."""
EDITED = schedule("old", spec_hash="edited", max_retries=3)
"""Another definition under the same key."""
SILENT = SILENCE.total_seconds()


async def register(driver: Driver, *wanted: NewSchedule, now: float = 0) -> list[ScheduleRecord]:
    """Register, this many seconds after noon."""
    return await driver.schedules.register_schedules(wanted, now=at(now))


async def active(driver: Driver) -> list[tuple[str, str]]:
    """(key, definition) of all schedules that are not retired."""
    return [
        (one.new.key, one.new.spec_hash) for one in await driver.schedules.list_schedules() if not one.retired
    ]


class TestRegistering:
    """`register_schedules`: insert, confirm, redefine, revive, yield and retire."""

    async def test_records_stand_in_the_order_of_what_was_wanted(self, driver: Driver) -> None:
        other = schedule("a", task_name="another")
        records = await register(driver, OLD, NEW, other)
        assert [record.new.key for record in records] == ["old", "new", "a"]
        assert await register(driver) == []

    async def test_confirming_renews_the_sign_of_life_and_nothing_else(self, driver: Driver) -> None:
        await register(driver, OLD)
        await advance(driver, step(key="old", spec_hash="old", expected=None, following=at(60)))
        await register(driver, OLD, now=45)
        record = await the_schedule(driver, "old")
        assert (record.heartbeat, record.created_at, record.next_window) == (at(45), NOON, at(60))

    async def test_a_changed_expression_replaces_the_row_and_inherits_its_mark(self, driver: Driver) -> None:
        await self._run_once(driver)
        await register(driver, NEW, now=70)
        assert await active(driver) == [("new", "new")]
        old, young = await the_schedule(driver, "old"), await the_schedule(driver, "new")
        assert (old.retired, old.next_window) == (True, None)
        assert (young.mark, young.run_count) == (at(60), 0)
        assert young.next_window is not None, "known from here on, whoever comes to look at it"
        assert await due_keys(driver, now=at(9_999)) == [], "the old one's run is unfinished"
        await driver.jobs.request_cancel(await job_ids(driver), now=at(71))
        assert await due_keys(driver, now=at(9_999)) == ["new"]

    async def test_a_changed_definition_takes_the_row_and_keeps_its_windows(self, driver: Driver) -> None:
        await self._run_once(driver)
        (record,) = await register(driver, EDITED, now=70)
        assert (record.new.spec_hash, record.new.max_retries) == ("edited", 3)
        assert (record.mark, record.next_window, record.run_count) == (at(60), at(120), 1)

    async def test_an_older_worker_that_restarts_yields(self, driver: Driver) -> None:
        for young in (NEW, EDITED):
            await register(driver, OLD)
            await register(driver, young, now=1)
            before = await driver.schedules.list_schedules()
            (record,) = await register(driver, OLD, now=SILENT)
            assert record.retired or record.new.spec_hash != "old"
            assert await driver.schedules.list_schedules() == before
            await self._forget_all(driver)

    async def test_two_versions_in_one_fleet_do_not_fight(self, driver: Driver) -> None:
        for young in (NEW, EDITED):
            await register(driver, OLD)
            for round_of in range(6):
                await register(driver, young, now=45 * round_of + 1)
                await register(driver, OLD, now=45 * round_of + 2)
                assert await active(driver) == [(young.key, young.spec_hash)]
            await self._forget_all(driver)

    async def test_a_roll_back_comes_back_after_the_silence(self, driver: Driver) -> None:
        for young in (NEW, EDITED):
            await register(driver, OLD)
            await register(driver, young, now=1)
            await register(driver, OLD, now=SILENT + 1)
            assert await active(driver) == [("old", "old")]
            await self._forget_all(driver)

    async def test_a_roll_back_goes_on_with_what_its_successor_left(self, driver: Driver) -> None:
        """The newer code registered, and died before any of its windows was due: they are missed all the
        same."""
        await self._run_once(driver)
        (young,) = await register(driver, NEW, now=70)
        assert young.next_window is not None
        (back,) = await register(driver, OLD, now=70 + 2 * SILENT)
        assert back.mark == at(60)
        assert back.next_window is not None
        assert at(60) < back.next_window <= young.next_window

    async def test_a_new_rule_registered_under_a_clock_set_back_misses_nothing_from_there(
        self, driver: Driver
    ) -> None:
        await self._run_once(driver)
        early = -2 * SILENT
        (record,) = await register(driver, EDITED, now=early)
        assert (record.mark, record.next_window) == (at(early), at(early + 60))

    async def test_a_renamed_task_keeps_its_key_without_a_fight(self, driver: Driver) -> None:
        renamed = schedule("old", task_name="renamed", spec_hash="renamed")
        await register(driver, OLD)
        await register(driver, renamed, now=1)
        (record,) = await register(driver, OLD, now=2)
        assert (record.new.task_name, record.new.spec_hash) == ("renamed", "renamed")
        await register(driver, OLD, now=SILENT + 1)
        assert (await the_schedule(driver, "old")).new.task_name == "task"

    async def test_who_starts_together_registers_once(self, driver: Driver) -> None:
        wanted = [schedule(f"{n}", task_name=f"task {n}") for n in range(5)]
        await asyncio.gather(
            *(register(driver, *(wanted if n % 2 else reversed(wanted)), now=n) for n in range(6))
        )
        assert len(await driver.schedules.list_schedules()) == 5

    async def test_schedules_of_other_tasks_are_left_alone(self, driver: Driver) -> None:
        other = schedule("other", task_name="another")
        await register(driver, other)
        await register(driver, OLD, now=10 * SILENT)
        assert not (await the_schedule(driver, "other")).retired

    async def test_schedules_made_at_run_time_are_not_retired_by_code(self, driver: Driver) -> None:
        await driver.schedules.put_schedule(schedule("mine", origin=Origin.API), now=NOON)
        await register(driver, OLD, now=1)
        await register(driver, NEW, now=10 * SILENT)
        assert [key for key, _ in await active(driver)] == ["mine", "new"]

    async def test_a_paused_schedule_stays_paused_through_a_deploy(self, driver: Driver) -> None:
        for young in (NEW, EDITED):
            await register(driver, OLD)
            await driver.schedules.set_paused("old", True, now=NOON)
            assert [one.new.paused for one in await register(driver, young, now=1)] == [True]
            await self._forget_all(driver)

    async def test_who_was_paused_since_a_deploy_stays_paused_through_its_roll_back(
        self, driver: Driver
    ) -> None:
        await register(driver, OLD)
        await register(driver, NEW, now=1)
        await driver.schedules.set_paused("new", True, now=at(2))
        (record,) = await register(driver, OLD, now=SILENT + 1)
        assert (record.retired, record.new.paused) == (False, True)

    async def test_who_was_resumed_since_a_deploy_stays_so_through_its_roll_back(
        self, driver: Driver
    ) -> None:
        await register(driver, OLD)
        await driver.schedules.set_paused("old", True, now=NOON)
        await register(driver, NEW, now=1)
        await driver.schedules.set_paused("new", False, now=at(2))
        (record,) = await register(driver, OLD, now=SILENT + 1)
        assert (record.retired, record.new.paused) == (False, False)

    async def test_a_schedule_may_start_out_paused_but_code_cannot_pause_it_later(
        self, driver: Driver
    ) -> None:
        asleep = schedule("old", spec_hash="old", paused=True)
        assert [one.new.paused for one in await register(driver, asleep)] == [True]
        await driver.schedules.set_paused("old", False, now=at(1))
        assert [one.new.paused for one in await register(driver, asleep, now=2)] == [False]

    async def _run_once(self, driver: Driver) -> None:
        await register(driver, OLD)
        await advance(driver, step(key="old", spec_hash="old", expected=None, following=at(60)))
        taken = step(at(60), key="old", spec_hash="old", following=at(60) + timedelta(seconds=60))
        assert await advance(driver, taken, now=at(60))

    async def _forget_all(self, driver: Driver) -> None:
        for record in await driver.schedules.list_schedules():
            await driver.schedules.remove_schedule(record.new.key)
