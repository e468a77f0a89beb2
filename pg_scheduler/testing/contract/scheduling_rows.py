"""Schedules as rows: stored, defined anew, listed, removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schedule_store import Contention
from pg_scheduler.testing.contract.scene import NOON, at
from pg_scheduler.testing.contract.schedule_scene import (
    MINUTE,
    advance,
    having,
    job_ids,
    schedule,
    spec_text,
    step,
    the_schedule,
)


class TestSchedulingRows:
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
        assert await driver.schedules.put_schedule(wanted, now=at(1))
        record = await the_schedule(driver)
        assert _without_json(record.new) == _without_json(wanted)
        assert (record.created_at, record.heartbeat, record.retired) == (at(1), at(1), False)
        assert (record.mark, record.next_window, record.last_job_id) == (None, None, None)
        assert (record.run_count, record.skipped_count, record.busy) == (0, 0, False)

    async def test_the_same_again_changes_nothing_but_the_sign_of_life(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        before = await the_schedule(driver)
        assert not await driver.schedules.put_schedule(schedule(), now=at(9))
        assert await the_schedule(driver) == replace(before, heartbeat=at(9))

    async def test_a_new_rule_starts_windows_anew_and_keeps_the_mark(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60)))
        other = schedule(spec=spec_text(every=2 * MINUTE), spec_hash="other")
        assert not await driver.schedules.put_schedule(other, now=at(70))
        record = await the_schedule(driver)
        assert (record.mark, record.next_window, record.new.spec_hash) == (at(60), at(120), "other")
        assert (record.run_count, record.created_at) == (1, NOON)

    async def test_a_new_policy_keeps_the_windows(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.schedules.put_schedule(
            schedule(spec=spec_text(overlap="allow"), spec_hash="other"), now=at(1)
        )
        assert (await the_schedule(driver)).next_window == at(60)

    async def test_who_is_paused_stays_paused_whatever_its_definition(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.schedules.set_paused("key", True, now=NOON)
        for wanted in (schedule(), schedule(spec=spec_text(every=2 * MINUTE), spec_hash="other")):
            await driver.schedules.put_schedule(wanted, now=at(1))
            assert (await the_schedule(driver)).new.paused
        await driver.schedules.set_paused("key", False, now=at(2))
        await driver.schedules.put_schedule(schedule(paused=True), now=at(3))
        assert not (await the_schedule(driver)).new.paused

    async def test_a_removed_schedule_is_gone_and_its_jobs_stay(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await advance(driver, step(at(60)))
        assert await driver.schedules.remove_schedule("key")
        assert not await driver.schedules.remove_schedule("key")
        assert await driver.schedules.list_schedules() == []
        assert len(await job_ids(driver)) == 1

    async def test_schedules_are_listed_by_key(self, driver: Driver) -> None:
        for key in ("b", "a", "B", "_", "\u00e4"):
            await driver.schedules.put_schedule(schedule(key), now=NOON)
        assert await _keys(driver) == ["B", "_", "a", "b", "\u00e4"]
        assert await _keys(driver, ["b", "unknown", "a"]) == ["a", "b"]
        assert await _keys(driver, []) == []

    async def test_a_manual_run_is_remembered(self, driver: Driver) -> None:
        await having(driver, next_window=at(60))
        await driver.schedules.note_manual_run("key", "manual_periodic:key:1")
        record = await the_schedule(driver)
        assert (record.last_job_id, record.run_count) == ("manual_periodic:key:1", 0)
        await driver.schedules.note_manual_run("unknown", "job")
        assert await _keys(driver) == ["key"]


async def _keys(driver: Driver, keys: list[str] | None = None) -> list[str]:
    return [record.new.key for record in await driver.schedules.list_schedules(keys)]


def _without_json(definition: Any) -> Any:
    """Text of JSON may come back with other spaces."""
    return replace(definition, spec="", task_data="", backoff=None)
