"""A verdict whose answer was lost is told again, and must not end what is another job by now."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler import ConnectionLost, Scheduler, VacuumConfig, VacuumPolicy
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.job_store import SettleAnswer
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import RAISE, claim_request
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.running import eventually, past


class StoredAnew(MemoryJobs):
    """The first verdict deletes its job, and its answer is lost. Then the id is stored once more, claimed
    by another worker, and given back: it is pending under the epoch that the verdict names."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.again: Any = None

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        answer = await super().settle(settlements, now=now, not_kept=not_kept)
        if self.again is None:
            return answer
        again, self.again = self.again, None
        await again()
        raise ConnectionLost("for this test")


async def test_a_verdict_told_again_does_not_end_another_job_of_its_id() -> None:
    driver, started = MemoryDriver(), list[str]()
    store = driver.jobs = StoredAnew(driver.state)

    async def job() -> None:
        started.append("job")

    async def again() -> None:
        await store.submit([NewJob("mine", "job", past(), '{"args": [], "kwargs": {}}')], RAISE)
        other = await store.claim_job("mine", claim_request("another worker"))
        assert other is not None
        release = Settlement("mine", other.epoch, "another worker", Verdict(JobEvent.RELEASE))
        assert (await MemoryJobs.settle(store, [release])).accepted == [True]

    store.again = again
    async with Scheduler(driver, vacuum_config=VacuumConfig(completed=VacuumPolicy.immediate())) as scheduler:
        scheduler.register(job, name="job")
        await scheduler.schedule(job, execution_time=past(), job_id="mine")
        await eventually(lambda: len(started) == 2)


class Forgetful(MemoryJobs):
    """The first answer of each verdict is lost."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.told: set[Settlement] = set()

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        answer = await super().settle(settlements, now=now, not_kept=not_kept)
        if self.told >= set(settlements):
            return answer
        self.told |= set(settlements)
        raise ConnectionLost("for this test")


async def test_a_deletion_whose_answer_was_lost_is_in_the_statistics_once() -> None:
    driver = MemoryDriver()
    driver.jobs = Forgetful(driver.state)
    at_once = VacuumPolicy.immediate()
    config = VacuumConfig(completed=at_once, failed=at_once, cancelled=at_once, track_metrics=True)

    async def fine() -> None: ...

    async def bad() -> None:
        raise RuntimeError("as planned")

    async with Scheduler(driver, vacuum_config=config) as scheduler:
        for job in (fine, bad):
            await scheduler.schedule(job, execution_time=past())
        await eventually(lambda: not driver.state.jobs and scheduler.worker.services.settler.empty)
    (day,) = await driver.retention.vacuum_stats(None)
    assert (day.deleted[JobStatus.COMPLETED], day.deleted[JobStatus.FAILED]) == (1, 1)
    assert day.deleted[JobStatus.CANCELLED] == 0


class HeldBesideLost(MemoryJobs):
    """The row of one job is held by somebody for a while, and the answer on the other's end is lost."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.held = ""
        self.lost = False
        self.asked = 0

    async def settle(
        self,
        settlements: Sequence[Settlement],
        *,
        now: datetime | None = None,
        not_kept: Collection[JobStatus] = (),
    ) -> SettleAnswer:
        self.asked += 1
        others = [one for one in settlements if one.job_id != self.held]
        answers = iter((await super().settle(others, now=now, not_kept=not_kept)).accepted)
        if others and not self.lost:
            self.lost = True
            raise ConnectionLost("for this test")
        return SettleAnswer([None if one.job_id == self.held else next(answers) for one in settlements], {})


async def test_a_verdict_that_is_known_again_leaves_one_on_a_held_row_waiting() -> None:
    driver, started = MemoryDriver(), list[str]()
    store = driver.jobs = HeldBesideLost(driver.state)
    store.held = "held"
    together = asyncio.Event()

    async def work(name: str) -> None:
        started.append(name)
        if len(started) == 2:
            together.set()
        await together.wait()

    async with Scheduler(driver) as scheduler:
        for name in ("held", "lost"):
            await scheduler.schedule(work, execution_time=past(), args=(name,), job_id=name)
        await eventually(lambda: store.asked >= 3)
        assert [lease.job_id for lease in scheduler.worker.services.active.leases()] == ["held"]
        store.held = ""
        await eventually(lambda: scheduler.worker.services.settler.empty)
        statuses = await driver.insight.statuses(["held", "lost"])
    assert (sorted(started), set(statuses.values())) == (["held", "lost"], {JobStatus.COMPLETED})
