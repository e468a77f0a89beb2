"""One schedule over releases: what it hands on when its rule, its key or its clock changes."""

from __future__ import annotations

from dataclasses import replace

from pg_scheduler.domain.registration import RETURNS_WITHIN, SILENCE
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.succession import AHEAD
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import NewSchedule, Origin, ScheduleRecord
from pg_scheduler.testing.contract.scene import NOON, at, claimed, settle
from pg_scheduler.testing.contract.schedule_scene import (
    MINUTE,
    advance,
    due_keys,
    schedule,
    spec_text,
    step,
    the_schedule,
)

OLD = schedule("old", spec_hash="old")
RESPELLED = schedule("new", spec_hash="new")
"""The same windows under another key: a moved module, another spelling."""
OTHER = schedule("new", spec=spec_text(every=2 * MINUTE), spec_hash="new")
"""Other windows, and so another key."""
SILENT = SILENCE.total_seconds()


async def register(driver: Driver, *wanted: NewSchedule, now: float = 0) -> list[ScheduleRecord]:
    """Register, this many seconds after noon."""
    return await driver.schedules.register_schedules(wanted, now=at(now))


async def run_at(driver: Driver, window: float, of: NewSchedule = OLD) -> str:
    """The window's job is stored; its id."""
    record = await the_schedule(driver, of.key)
    if record.next_window is None:
        await advance(driver, step(key=of.key, spec_hash=of.spec_hash, expected=None, following=at(window)))
    taken = step(at(window), key=of.key, spec_hash=of.spec_hash)
    assert await advance(driver, taken, now=at(window))
    return taken.jobs[0].job_id


class TestSucceeding:
    """`register_schedules` and `put_schedule`: no window is lost or doubled, and no two runs overlap."""

    # --- windows

    async def test_windows_missed_under_the_old_key_are_due_under_the_new_one(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 60)
        (record,) = await register(driver, RESPELLED, now=600)
        assert (record.mark, record.next_window) == (at(60), at(120))
        assert (await the_schedule(driver, "old")).next_window is None, "it would count them twice"

    async def test_windows_of_another_rule_are_due_since_the_old_one_was(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 120)
        (record,) = await register(driver, OTHER, now=600)
        assert (record.mark, record.next_window) == (at(120), at(240))

    async def test_who_knows_neither_its_task_nor_its_key_does_not_bring_a_replaced_schedule_back(
        self, driver: Driver
    ) -> None:
        """Three releases live: the second renames the task, the third moves it."""
        await register(driver, OLD)
        await register(driver, replace(OLD, task_name="renamed", spec_hash="renamed"), now=10)
        await register(driver, replace(RESPELLED, task_name="renamed"), now=20)
        await register(driver, OLD, now=30)
        assert [(await the_schedule(driver, key)).retired for key in ("old", "new")] == [True, False]
        await register(driver, OLD, now=21 + SILENT)
        assert [(await the_schedule(driver, key)).retired for key in ("old", "new")] == [False, True]

    async def test_a_release_goes_on_with_what_older_code_has_taken_back_from_the_one_before(
        self, driver: Driver
    ) -> None:
        """The second release renames the task. By the database's clock it is silent for a while, so the
        first, which still lives, takes its schedule back. The third release moves it."""
        renamed = replace(OLD, task_name="renamed", spec_hash="renamed")
        moved = replace(RESPELLED, task_name="renamed")
        await register(driver, OLD)
        await run_at(driver, 60)
        await register(driver, renamed, now=70)
        await register(driver, OLD, now=70 + SILENT)
        (record,) = await register(driver, moved, now=80 + SILENT)
        assert (record.mark, record.next_window) == (at(60), at(120))
        await register(driver, OLD, now=90 + SILENT)
        assert [(await the_schedule(driver, key)).retired for key in ("old", "new")] == [True, False]

    async def test_what_older_code_takes_back_from_the_release_after_next_is_known_to_that(
        self, driver: Driver
    ) -> None:
        renamed = replace(OLD, task_name="renamed", spec_hash="renamed")
        moved = replace(RESPELLED, task_name="renamed")
        await register(driver, OLD)
        await register(driver, renamed, now=10)
        await register(driver, moved, now=20)
        await register(driver, OLD, now=20 + SILENT)
        await register(driver, moved, now=30 + SILENT)
        assert [(await the_schedule(driver, key)).retired for key in ("old", "new")] == [False, True]

    async def test_names_that_older_code_has_displaced_are_forgotten_with_the_next_definition(
        self, driver: Driver
    ) -> None:
        """Somebody else may give the name to a task of theirs."""
        renamed = replace(OLD, task_name="renamed", spec_hash="renamed")
        await register(driver, OLD)
        await register(driver, renamed, now=10)
        await register(driver, OLD, now=10 + SILENT)
        await register(driver, replace(OLD, task_name="third", spec_hash="third"), now=20 + SILENT)
        await register(driver, replace(RESPELLED, task_name="renamed"), now=30 + SILENT)
        assert [(await the_schedule(driver, key)).retired for key in ("old", "new")] == [False, False]

    async def test_where_nothing_was_missed_another_rule_begins_after_now(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 60)
        (record,) = await register(driver, OTHER, now=119)
        assert (record.mark, record.next_window) == (at(60), at(120))

    async def test_another_rule_under_the_same_key_makes_up_for_what_was_missed(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 120)
        (record,) = await register(driver, replace(OTHER, key="old"), now=600)
        assert (record.mark, record.next_window) == (at(120), at(240))

    async def test_of_two_that_are_replaced_each_hands_on_to_its_like(self, driver: Driver) -> None:
        other = replace(OTHER, key="a", spec_hash="a")
        await register(driver, OLD, other)
        await run_at(driver, 60)
        await advance(driver, step(key="a", spec_hash="a", expected=None, following=at(240)))
        young = [replace(OTHER, key="x"), replace(OLD, key="y")]
        records = await register(driver, *young, now=600)
        assert [record.next_window for record in records] == [at(240), at(120)]

    async def test_who_was_paused_for_a_downtime_makes_up_for_nothing(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 60)
        await driver.schedules.set_paused("old", True, now=at(70))
        (record,) = await register(driver, RESPELLED, now=600)
        assert (record.new.paused, record.next_window) == (True, None)

    async def test_a_roll_back_makes_up_for_what_the_younger_one_missed(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 60)
        await register(driver, RESPELLED, now=70)
        await run_at(driver, 120, RESPELLED)
        (record,) = await register(driver, OLD, now=120 + SILENT + 60)
        assert (record.retired, record.mark, record.next_window) == (False, at(120), at(180))

    # --- a silent program

    async def test_who_was_retired_for_silence_goes_on_where_it_stopped(self, driver: Driver) -> None:
        await self._abandoned(driver)
        assert (await the_schedule(driver, "old")).retired
        (record,) = await register(driver, OLD, now=3 * SILENT)
        assert (record.retired, record.mark, record.next_window) == (False, at(60), at(120))

    async def test_who_comes_back_much_later_begins_anew(self, driver: Driver) -> None:
        await self._abandoned(driver)
        (record,) = await register(driver, OLD, now=RETURNS_WITHIN.total_seconds())
        assert (record.retired, record.mark, record.next_window) == (False, at(60), None)

    async def test_who_was_retired_for_silence_hands_on_to_the_next_release(self, driver: Driver) -> None:
        await self._abandoned(driver)
        (record,) = await register(driver, RESPELLED, now=3 * SILENT)
        assert (record.mark, record.next_window) == (at(60), at(120))
        again = await register(driver, schedule("second", spec_hash="second"), RESPELLED, now=3 * SILENT + 1)
        assert again[0].next_window is None, "what was handed on once is handed on again"

    async def test_who_is_confirmed_made_at_run_time_or_somebody_elses_is_not_retired(
        self, driver: Driver
    ) -> None:
        await register(driver, OLD, schedule("confirmed", task_name="another"))
        await driver.schedules.put_schedule(schedule("mine", origin=Origin.API), now=NOON)
        await register(driver, schedule("confirmed", task_name="another"), now=1)
        wanted = ["confirmed", "mine", "old", "unknown"]
        assert await driver.schedules.retire_abandoned(wanted[:2], now=at(SILENT)) == []
        assert await driver.schedules.retire_abandoned(wanted, now=at(SILENT)) == ["old"]
        assert await driver.schedules.retire_abandoned(wanted, now=at(SILENT)) == []
        assert not (await the_schedule(driver, "confirmed")).retired

    async def _abandoned(self, driver: Driver) -> None:
        """Nobody has confirmed `OLD` for a while, and somebody has noticed."""
        await register(driver, OLD)
        await run_at(driver, 60)
        assert await driver.schedules.retire_abandoned(["old"], now=at(SILENT)) == ["old"]

    # --- runs

    async def test_a_run_of_the_replaced_schedule_keeps_the_new_one_waiting(self, driver: Driver) -> None:
        await register(driver, OLD)
        job_id = await run_at(driver, 60)
        (record,) = await register(driver, RESPELLED, now=70)
        assert record.busy
        await advance(driver, step(key="new", spec_hash="new", expected=None, following=at(120)))
        assert await due_keys(driver, now=at(120)) == []
        taken = step(at(120), key="new", spec_hash="new", unless_busy=True)
        assert not await advance(driver, taken, now=at(120))
        await settle(driver, await claimed(driver, job_id=job_id, now=at(120)), JobEvent.COMPLETE)
        assert await due_keys(driver, now=at(120)) == ["new"]
        assert await advance(driver, taken, now=at(121))

    async def test_over_several_releases_the_first_ones_run_is_still_waited_for(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 60)
        for number in range(3):
            (record,) = await register(driver, schedule(f"{number}", spec_hash=f"{number}"), now=70 + number)
            assert record.busy

    async def test_a_key_that_comes_back_beside_its_successor_is_a_schedule_of_its_own(
        self, driver: Driver
    ) -> None:
        await register(driver, OLD)
        await register(driver, OTHER, now=1)
        await register(driver, OTHER, OLD, now=2)
        await run_at(driver, 60)
        busy = {record.new.key: record.busy for record in await driver.schedules.list_schedules()}
        assert busy == {"old": True, "new": False}

    async def test_a_key_that_comes_back_beside_its_successor_has_a_lock_of_its_own(
        self, driver: Driver
    ) -> None:
        old, young = replace(OLD, exclusive=True), replace(OTHER, exclusive=True)
        await register(driver, old)
        await register(driver, young, now=1)
        for now in (2, 3):
            locks = [record.lock for record in await register(driver, young, old, now=now)]
            assert locks == ["old", "old+"]

    async def test_runs_of_all_releases_hold_one_lock(self, driver: Driver) -> None:
        exclusive = [
            schedule(key, spec_hash=key, exclusive=True, spec=spec_text(overlap="allow"))
            for key in ("a", "b", "c")
        ]
        locks = []
        for number, one in enumerate(exclusive, 1):
            (record,) = await register(driver, one, now=60 * number - 1)
            job_id = await run_at(driver, 60 * number, one)
            run = await claimed(driver, job_id=job_id, now=at(60 * number))
            locks += [record.lock, run.exclusive_key]
        assert locks == ["a"] * 6

    # --- a clock that ran ahead

    async def test_a_resumed_schedule_goes_on_although_a_clock_ran_ahead(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 99_960)
        for paused in (True, False):
            await driver.schedules.set_paused("old", paused, now=at(70))
        assert (await the_schedule(driver, "old")).mark == at(70)
        await run_at(driver, 120)

    async def test_a_new_definition_goes_on_although_a_clock_ran_ahead(self, driver: Driver) -> None:
        await driver.schedules.put_schedule(OLD, now=NOON)
        await run_at(driver, 99_960)
        await driver.schedules.put_schedule(replace(OLD, spec_hash="newer", max_retries=3), now=at(70))
        record = await the_schedule(driver, "old")
        assert (record.mark, record.next_window) == (at(70), at(120))

    async def test_a_clock_that_was_set_back_a_little_opens_no_window_again(self, driver: Driver) -> None:
        await register(driver, OLD)
        await run_at(driver, 60)
        before = at(60) - AHEAD
        for paused in (True, False):
            await driver.schedules.set_paused("old", paused, now=before)
        await driver.schedules.put_schedule(replace(OLD, spec_hash="newer"), now=before)
        assert (await the_schedule(driver, "old")).mark == at(60)
