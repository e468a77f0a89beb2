"""Many idle workers and one job: it is claimed once, and soon, whoever of them is silent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from pg_scheduler import JobSpec, PollingConfig, Scheduler, task
from pg_scheduler.db import driver_over
from pg_scheduler.engine.claiming import likes
from pg_scheduler.engine.claiming.likes import ALL_LOOK
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import Signal, SignalKind
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_embedded import EmbeddedServer
from tests.support.databases import give_back, new_database
from tests.support.running import eventually

WORKERS = ALL_LOOK + 3
SELDOM = PollingConfig(interval=50)
"""No poll comes to anybody's help."""


class Fleet:
    """Workers that know each other."""

    def __init__(self, schedulers: list[Scheduler], ran: Counter[int], opened: asyncio.Event) -> None:
        self.schedulers = schedulers
        self.ran = ran
        self.opened = opened
        self.looks: Counter[str] = Counter()
        self.looking = 0
        """How many looks are under way."""
        for one in schedulers:
            self._count(one)

    def _count(self, scheduler: Scheduler) -> None:
        claimer = scheduler.worker.services.claimer
        look: Callable[[], Any] = claimer.claim_once

        async def counted() -> Any:
            self.looks[scheduler.worker.worker_id] += 1
            self.looking += 1
            try:
                return await look()
            finally:
                self.looking -= 1

        claimer.claim_once = counted  # type: ignore[method-assign]

    async def meet(self) -> None:
        """Everybody knows of everybody, and nobody looks any more."""
        await eventually(self._have_met, timeout=20)
        await eventually(self._rest, timeout=20)

    async def _have_met(self) -> bool:
        for one in self.schedulers:
            await one.worker.services.lease_keeper.renew_now()
        fleets = [one.worker.services.likes.fleet for one in self.schedulers]
        return sorted(fleet.place for fleet in fleets) == list(range(len(self.schedulers)))

    async def _rest(self) -> bool:
        looks = self.looks.total()
        await asyncio.sleep(0.1)
        # Behind a look that takes long, another may be wanted already.
        return not self.looking and self.looks.total() == looks and await self._have_met()

    def has_run(self, number: int) -> bool:
        """Whether that job has begun."""
        return self.ran[number] > 0

    def freeze(self, scheduler: Scheduler) -> None:
        """It hears and does nothing."""
        scheduler.worker.services.turns.connect(lambda: None, lambda: None)

    def first_for(self, job_id: str) -> Scheduler:
        """Who looks first for this job."""
        signal = Signal(SignalKind.DUE, job_id)
        return next(one for one in self.schedulers if one.worker.services.likes.wait_for(signal) == 0)


class Kept:
    """A driver that its schedulers do not close."""

    def __init__(self, real: Driver) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def close(self) -> None:
        """It stays open."""

    def dedicated(self) -> None:
        """Leases are renewed over it."""


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def driver(request: pytest.FixtureRequest, server: EmbeddedServer) -> AsyncIterator[Driver]:
    if request.param == "memory":
        yield MemoryDriver()
        return
    dsn = await new_database(server)
    made = driver_over(dsn, library=request.param)
    await made.open()
    await made.schema.install()
    yield made
    await made.close()
    await give_back(server, dsn)


@asynccontextmanager
async def fleet(driver: Driver, capacity: int = 25) -> AsyncIterator[Fleet]:
    ran: Counter[int] = Counter()
    opened = asyncio.Event()

    async def job(number: int) -> None:
        ran[number] += 1
        await opened.wait()

    @task(name="in a lane", concurrency_limit=1)
    async def limited(number: int) -> None:
        ran[number] += 1

    async with AsyncExitStack() as stack:
        schedulers: list[Scheduler] = []
        for _ in range(WORKERS):
            one = Scheduler(Kept(driver), capacity, polling_config=SELDOM)
            one.register(job, name="job")
            one.register(limited)
            schedulers.append(await stack.enter_async_context(one))
        await eventually(lambda: all(one.worker.listening for one in schedulers))
        made = Fleet(schedulers, ran, opened)
        await made.meet()
        yield made
        opened.set()


async def test_one_job_makes_one_worker_look_and_is_run_once(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fleet(driver) as found:
        monkeypatch.setattr(likes, "STEP", 60)
        for number in range(5):
            before = found.looks.total()
            await found.schedulers[0].schedule("job", args=(number,), execution_time=datetime.now(UTC))
            await eventually(partial(found.has_run, number))
            assert found.looks.total() - before == 1
        assert set(found.ran.values()) == {1}


async def test_where_the_first_in_line_is_silent_the_next_ones_look(driver: Driver) -> None:
    async with fleet(driver) as found:
        for number in range(3):
            first = found.first_for(f"job {number}")
            found.freeze(first)
            await found.schedulers[0].schedule(
                "job", args=(number,), job_id=f"job {number}", execution_time=datetime.now(UTC)
            )
            await eventually(partial(found.has_run, number))
        assert set(found.ran.values()) == {1}


async def test_a_burst_engages_the_whole_fleet(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(driver, capacity=2) as found:
        monkeypatch.setattr(likes, "STEP", 60)
        due, number = datetime.now(UTC), 2 * WORKERS
        await found.schedulers[0].schedule_bulk([JobSpec("job", due, args=(n,)) for n in range(number)])
        await eventually(lambda: len(found.ran) == number)
        assert set(found.ran.values()) == {1}


async def test_what_was_stored_one_by_one_engages_the_others_where_the_first_are_full(driver: Driver) -> None:
    async with fleet(driver, capacity=1) as found:
        for number in range(WORKERS):
            await found.schedulers[0].schedule("job", args=(number,), execution_time=datetime.now(UTC))
        await eventually(lambda: len(found.ran) == WORKERS)
        assert set(found.ran.values()) == {1}


async def test_a_job_for_later_is_looked_for_at_its_time_by_one(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fleet(driver) as found:
        monkeypatch.setattr(likes, "STEP", 60)
        before = found.looks.copy()
        due = datetime.now(UTC) + timedelta(seconds=0.5)
        await found.schedulers[0].schedule("job", args=(1,), execution_time=due)
        await eventually(lambda: found.ran[1])
        assert datetime.now(UTC) >= due
        # Where two clocks differ it may look twice: too early by a hair, and then in time.
        assert len(found.looks - before) == 1


async def test_one_lane_of_one_place_goes_on_through_all_its_jobs(driver: Driver) -> None:
    async with fleet(driver) as found:
        due = datetime.now(UTC)
        specs = [JobSpec("in a lane", due, args=(n,)) for n in range(20)]
        await found.schedulers[0].schedule_bulk(specs)
        await eventually(lambda: len(found.ran) == 20)
        assert set(found.ran.values()) == {1}
