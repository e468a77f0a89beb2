"""Who listens is told more than that there is something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pg_scheduler.domain.model import NewJob
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import Looked, Signal, SignalKind
from pg_scheduler.testing.contract.scene import NOON, RAISE, at, new, submit
from pg_scheduler.testing.contract.signals import PATIENCE, hearing, listening


class TestWords:
    """What signals say beside their kind, and `tell_looked`."""

    async def _heard(self, driver: Driver, jobs: Sequence[NewJob], kind: SignalKind) -> Signal:
        heard: asyncio.Queue[Signal] = asyncio.Queue()
        async with hearing(driver, heard.put_nowait):
            await driver.jobs.submit(jobs, RAISE, now=NOON)
            async with asyncio.timeout(PATIENCE):
                while (signal := await heard.get()).kind is not kind:
                    pass
        return signal

    async def test_of_one_job_everything_is_told(self, driver: Driver) -> None:
        job = replace(new("one", due=at(5)), queue="mail")
        signal = await self._heard(driver, [job], SignalKind.DUE)
        assert (signal.jobs, signal.queue, signal.task_name) == (1, "mail", job.task_name)
        assert abs(signal.due_in - 5) < 0.001
        assert signal.key is not None

    async def test_of_several_it_is_told_how_many_and_what_they_share(self, driver: Driver) -> None:
        jobs = [
            replace(new(f"job {number}", due=at(number + 2)), queue=f"queue {number % 2}")
            for number in range(4)
        ]
        signal = await self._heard(driver, jobs, SignalKind.DUE)
        assert (signal.jobs, signal.queue, signal.task_name) == (4, None, jobs[0].task_name)
        assert abs(signal.due_in - 2) < 0.001

    async def test_of_very_many_as_well(self, driver: Driver) -> None:
        jobs = [new(f"job {number}", due=at(3)) for number in range(300)]
        signal = await self._heard(driver, jobs, SignalKind.DUE)
        assert (signal.jobs, signal.queue, signal.task_name) == (300, "default", jobs[0].task_name)
        assert abs(signal.due_in - 3) < 0.001

    async def test_of_jobs_in_lanes_it_is_told_as_well(self, driver: Driver) -> None:
        job = replace(new("one"), limit_key="key")
        signal = await self._heard(driver, [job], SignalKind.LANE)
        assert (signal.jobs, signal.queue, signal.task_name) == (1, "default", job.task_name)
        assert signal.key is not None

    async def test_of_a_job_in_a_lane_it_is_told_once(self, driver: Driver) -> None:
        async with listening(driver) as heard:
            await submit(driver, replace(new("one"), limit_key="key"))
            await submit(driver, new("later"))
            kinds = [await heard.get() for _ in range(2)]
        assert kinds == [SignalKind.LANE, SignalKind.DUE]

    async def test_names_may_be_long_and_of_any_letters(self, driver: Driver) -> None:
        name, job_id = "\"\\\U0001f600'{" * 51, "\u00e4" * 255
        job = replace(new(job_id), task_name=name, queue=name)
        signal = await self._heard(driver, [job], SignalKind.DUE)
        assert (signal.queue, signal.task_name) == (name, name)

    async def test_different_jobs_have_different_keys(self, driver: Driver) -> None:
        keys = {(await self._heard(driver, [new(name)], SignalKind.DUE)).key for name in ("a", "b", "c")}
        assert len(keys) == 3

    async def test_what_one_has_seen_all_hear(self, driver: Driver) -> None:
        words = [
            Looked("worker", "likes"),
            Looked("worker", "likes", 1.5, True, 2.5, 7),
            Looked("worker", "", leases_end_in=3.0),
        ]
        heard: list[asyncio.Queue[Looked]] = [asyncio.Queue(), asyncio.Queue()]
        signals: list[Signal] = []
        async with (
            hearing(driver, signals.append, heard[0].put_nowait),
            hearing(driver, signals.append, heard[1].put_nowait),
        ):
            for word in words:
                await driver.signals.tell_looked(word)
            async with asyncio.timeout(PATIENCE):
                assert [[await one.get() for _ in words] for one in heard] == [words, words]
        assert signals == []
