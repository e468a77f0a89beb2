"""When lost jobs are looked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import ConnectionLost, DatabaseError, TransientDatabaseError
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import DatabaseUnavailable
from pg_scheduler.domain.model import Lease, NewJob
from pg_scheduler.engine.claiming.likes import Likes
from pg_scheduler.engine.leases.lease_keeper import LeaseKeeper
from pg_scheduler.engine.leases.reclaimer import STEP, Reclaimer
from pg_scheduler.engine.leases.worker_report import WorkerReport
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.claimed_ahead import ClaimedAhead
from pg_scheduler.engine.service import keep_running
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.leases import Fleet, ReclaimAnswer, ReclaimRequest, RenewRequest
from pg_scheduler.ports.signals import Looked, ignored
from pg_scheduler.testing import ManualClock, MemoryDriver

LEASE = timedelta(seconds=60)
MOMENT = 0.05
"""Seconds until a word arrives."""


@asynccontextmanager
async def reclaiming(
    driver: MemoryDriver, clock: ManualClock, lease: timedelta = LEASE
) -> AsyncIterator[list[str]]:
    """The service, running by the clock; hears when jobs were taken back."""
    told: list[str] = []
    reclaimer = Reclaimer(
        jobs=driver.jobs,
        insight=driver.insight,
        clock=clock,
        lease=lease,
        heartbeat_threshold=timedelta(seconds=120),
        max_crashes=5,
        on_ended=lambda job, verdict, lasted: None,
        on_reclaimed=lambda: told.append("reclaimed"),
    )
    service = asyncio.create_task(keep_running("reclaimer", reclaimer.one_round, clock))
    try:
        yield told
    finally:
        service.cancel()
        await asyncio.wait({service})


async def running_job(driver: MemoryDriver, clock: ManualClock, lease: timedelta = LEASE) -> Lease:
    job = NewJob("job", "a:task", clock.now(), "{}")
    await driver.jobs.submit([job], ConflictResolution.RAISE, now=clock.now())
    answer = await driver.jobs.claim(ClaimRequest("owner", ["a:task"], 1, lease), now=clock.now())
    return answer.jobs[0].lease


async def renew(driver: MemoryDriver, clock: ManualClock, lease: Lease, length: timedelta = LEASE) -> None:
    await driver.jobs.renew(RenewRequest("owner", "host", 1, length, [lease]), now=clock.now())


async def away(*_: Any, **__: Any) -> None:
    raise ConnectionLost("the database is down")


async def test_a_lost_lease_is_noticed_within_seconds_of_its_end() -> None:
    clock, driver = ManualClock(), MemoryDriver()
    await running_job(driver, clock)
    async with reclaiming(driver, clock) as told:
        await clock.advance(59)
        assert told == []
        await clock.advance(2)
        assert told == ["reclaimed"]


async def test_a_look_just_before_the_end_of_a_lease_costs_a_quarter_second_at_most() -> None:
    clock, driver = ManualClock(), MemoryDriver()
    await running_job(driver, clock)
    await clock.advance(59.95)
    async with reclaiming(driver, clock) as told:
        await clock.advance(0.3)
        assert told == ["reclaimed"]


async def test_a_lease_that_is_renewed_is_never_taken() -> None:
    clock, driver = ManualClock(), MemoryDriver()
    lease = await running_job(driver, clock)
    async with reclaiming(driver, clock) as told:
        for _ in range(20):
            await clock.advance(20)
            await renew(driver, clock, lease)
    assert told == []


async def test_after_an_outage_workers_get_the_time_to_renew_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, driver = ManualClock(), MemoryDriver()
    lease = await running_job(driver, clock)

    async with reclaiming(driver, clock) as told:
        with monkeypatch.context() as outage:
            outage.setattr(driver.jobs, "reclaim_expired", away)
            outage.setattr(driver.insight, "workers", away)
            await clock.advance(300)
        await clock.advance(10)
        assert told == []  # the lease is over, but its owner may be alive and as cut off as we were
        await renew(driver, clock, lease)
        await clock.advance(50)
        assert told == []
        await clock.advance(30)
        assert told == ["reclaimed"]  # it did not renew again


async def test_a_look_that_an_outage_has_held_up_does_not_come_before_the_renewals() -> None:
    """It was sent when all was well, and arrives as soon as there is a way again: so do the renewals."""
    clock, driver = ManualClock(), MemoryDriver()
    lease = await running_job(driver, clock)
    reclaim, held_up = driver.jobs.reclaim_expired, False

    async def through_the_outage(*args: Any, now: Any = None, **options: Any) -> Any:
        if held_up:
            await clock.sleep(LEASE.total_seconds())
        return await reclaim(*args, now=clock.now(), **options)

    driver.jobs.reclaim_expired = through_the_outage  # type: ignore[method-assign]
    async with reclaiming(driver, clock) as told:
        await clock.advance(1)
        held_up = True
        await clock.advance(LEASE.total_seconds() + 15)
        held_up = False
        assert told == [], "the lease was over when the look arrived"
        await renew(driver, clock, lease)
        await clock.advance(LEASE.total_seconds() - 1)
        assert told == []
        await clock.advance(LEASE.total_seconds())
        assert told == ["reclaimed"], "and then its owner fell silent"


async def test_where_every_look_waits_for_a_connection_lost_jobs_come_back_all_the_same() -> None:
    clock, driver = ManualClock(), MemoryDriver()
    await running_job(driver, clock)
    reclaim = driver.jobs.reclaim_expired

    async def in_a_queue(*args: Any, now: Any = None, **options: Any) -> Any:
        await clock.sleep(20)
        return await reclaim(*args, now=clock.now(), **options)

    driver.jobs.reclaim_expired = in_a_queue  # type: ignore[method-assign]
    async with reclaiming(driver, clock) as told:
        for _ in range(40):
            await clock.advance(5)
        assert told == ["reclaimed"]


async def test_a_clock_that_jumps_past_all_leases_takes_none_from_those_who_live() -> None:
    clock, driver = ManualClock(), MemoryDriver()
    lease = await running_job(driver, clock)
    reclaim, ahead = driver.jobs.reclaim_expired, timedelta(0)

    async def by_the_stores_clock(*args: Any, now: Any = None, **options: Any) -> Any:
        return await reclaim(*args, now=clock.now() + ahead, **options)

    driver.jobs.reclaim_expired = by_the_stores_clock  # type: ignore[method-assign]
    async with reclaiming(driver, clock) as told:
        await clock.advance(1)
        ahead = timedelta(hours=1)
        await clock.advance(20)
        request = RenewRequest("owner", "host", 1, LEASE, [lease])
        await driver.jobs.renew(request, now=clock.now() + ahead)
        await clock.advance(50)
        assert told == []
        await clock.advance(20)
        assert told == ["reclaimed"]


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (TransientDatabaseError("deadlock detected"), False),
        (DatabaseError("no such column"), False),
        (ConnectionLost("gone"), True),
        (DatabaseUnavailable("read-only"), True),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_look_that_was_refused_or_took_too_long_is_no_outage(error: Exception, outage: bool) -> None:
    driver, clock, looks = MemoryDriver(), ManualClock(), list[str]()

    async def fails_once(*args: Any, **options: Any) -> Any:
        looks.append("look")
        if len(looks) == 1:
            raise error
        return await reclaim(*args, **options)

    reclaim, driver.jobs.reclaim_expired = driver.jobs.reclaim_expired, fails_once  # type: ignore[method-assign]
    async with reclaiming(driver, clock):
        for _ in range(int(LEASE.total_seconds() / 4)):
            await clock.advance(1)
        assert (len(looks) == 1) is outage, "after an outage, workers have half a lease to renew"


async def test_an_outage_that_outlasts_a_lease_does_not_pass_between_two_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = timedelta(seconds=6)
    clock, driver = ManualClock(), MemoryDriver()
    lease = await running_job(driver, clock, short)
    await clock.advance(0.5)
    async with reclaiming(driver, clock, short) as told:
        await clock.advance(0.1)
        with monkeypatch.context() as outage:
            outage.setattr(driver.jobs, "reclaim_expired", away)
            outage.setattr(driver.insight, "workers", away)
            await clock.advance(5.405)
        await clock.advance(0.5)
        assert told == []  # a look between the last renewal and the end of the lease has met the outage
        await renew(driver, clock, lease, short)
        await clock.advance(4.0)
        assert told == []


async def test_whoever_lives_has_renewed_before_the_patience_after_an_outage_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, driver, passes = ManualClock(), MemoryDriver(), list[str]()
    short = timedelta(seconds=6)
    active = ActiveAttempts(1, short, ClaimedAhead(1, clock, enabled=False))
    keeper = LeaseKeeper(
        likes=Likes((), 1),
        driver=driver,
        worker_id="owner",
        clock=clock,
        lease=short,
        active=active,
        on_lost=print,
        on_cancel=print,
        on_pass=passes.append,
        report=WorkerReport(WorkerSettings(), tuple, lambda: False),
    )
    keeping = asyncio.create_task(keeper.keep())
    for number in range(10):
        with monkeypatch.context() as outage:
            outage.setattr(driver.jobs, "renew", away)
            await clock.advance(60 + number / 7)
        passes.clear()
        await clock.advance(short / 6)
        assert passes, "reclaimers wait for half a lease, and it did not try again"
    keeping.cancel()
    await asyncio.wait({keeping})


def reclaimer_for(
    driver: MemoryDriver,
    clock: ManualClock,
    workers: int,
    worker_id: str = "one",
    tell: Callable[[Looked], None] = ignored,
    lease: timedelta = LEASE,
) -> Reclaimer:
    likes = Likes((), 1)
    likes.renewed("", Fleet(workers=workers))
    return Reclaimer(
        jobs=driver.jobs,
        insight=driver.insight,
        clock=clock,
        lease=lease,
        heartbeat_threshold=timedelta(seconds=120),
        max_crashes=5,
        on_ended=lambda job, verdict, lasted: None,
        on_reclaimed=lambda: None,
        worker_id=worker_id,
        likes=likes,
        tell=tell,
    )


@asynccontextmanager
async def serving(one: Reclaimer, clock: ManualClock) -> AsyncIterator[None]:
    """It has looked once."""
    service = asyncio.create_task(keep_running("reclaimer", one.one_round, clock))
    try:
        await clock.advance(0.1)
        yield
    finally:
        service.cancel()


@asynccontextmanager
async def reclaimers(number: int) -> AsyncIterator[tuple[MemoryDriver, ManualClock, list[str], list[Any]]]:
    """So many workers' services, which know of each other and hear each other; who looked, in order."""
    clock, driver = ManualClock(), MemoryDriver()
    looks: list[str] = []
    made: list[Reclaimer] = []
    words: list[asyncio.Task[None]] = []

    def tell(looked: Looked) -> None:
        """It arrives a moment later."""
        words.append(asyncio.create_task(deliver(looked)))

    async def deliver(looked: Looked) -> None:
        await clock.sleep(MOMENT)
        for one in made:
            one.others_looked(looked)

    for name in range(number):
        one = reclaimer_for(driver, clock, number, str(name), tell)

        async def counted(
            force: bool = False,
            reclaim: Any = one._reclaim,
            name: str = str(name),
        ) -> Any:
            looks.append(name)
            return await reclaim(force)

        one._reclaim = counted  # type: ignore[method-assign]
        made.append(one)
    services = [
        asyncio.create_task(keep_running("reclaimer", one.one_round, clock), name=str(place))
        for place, one in enumerate(made)
    ]
    try:
        await clock.advance(1)
        yield driver, clock, looks, services
    finally:
        for running in (*services, *words):
            running.cancel()
        await asyncio.wait((*services, *words))


async def test_a_fleet_looks_about_as_often_as_one_worker() -> None:
    async with reclaimers(40) as (_, clock, looks, _):
        looks.clear()
        await clock.advance(100)
        assert 10 <= len(looks) <= 20


async def test_few_workers_look_each_for_themselves() -> None:
    async with reclaimers(3) as (_, clock, looks, _):
        looks.clear()
        for _ in range(100):
            await clock.advance(1)
        assert set(looks) == {"0", "1", "2"}
        assert len(looks) >= 27


async def test_where_who_looked_last_is_gone_another_looks_a_moment_later() -> None:
    async with reclaimers(40) as (driver, clock, looks, services):
        for _ in range(30):
            await clock.advance(1)
        await running_job(driver, clock)
        services[int(looks[-1])].cancel()
        await clock.advance(59.5)
        assert (await driver.insight.job("job")).status == "running"  # type: ignore[union-attr]
        for _ in range(12):
            await clock.advance(0.25)
        assert (await driver.insight.job("job")).status == "pending"  # type: ignore[union-attr]


async def test_who_hears_that_another_looks_again_soon_is_there_to_take_its_place() -> None:
    clock, looks = ManualClock(), list[float]()
    one = reclaimer_for(MemoryDriver(), clock, 40, tell=lambda said: looks.append(clock.monotonic()))
    async with serving(one, clock):
        one.others_looked(Looked("other", "", leases_end_in=2))
        await clock.advance(2 + 8 * STEP)
        assert len(looks) == 2


async def test_lanes_are_looked_at_from_where_the_look_before_ended() -> None:
    driver, clock, asked = MemoryDriver(), ManualClock(), list[tuple[str, str]]()
    reclaim = driver.jobs.reclaim_expired

    async def ending_at_a_lane(request: ReclaimRequest, *, now: datetime | None = None) -> ReclaimAnswer:
        asked.append(request.lanes_after)
        return replace(await reclaim(request, now=now), lanes_after=("task", str(len(asked))))

    driver.jobs.reclaim_expired = ending_at_a_lane  # type: ignore[method-assign]
    one = reclaimer_for(driver, clock, 1)
    for _ in range(3):
        await one.reclaim_once()
    assert asked == [("", ""), ("task", "1"), ("task", "2")]


async def test_who_renews_often_looks_often_whatever_others_say() -> None:
    """Leases of another worker last longer, so it looks seldom."""
    clock, looks = ManualClock(), list[float]()
    short = timedelta(seconds=3)
    one = reclaimer_for(
        MemoryDriver(), clock, 40, tell=lambda said: looks.append(clock.monotonic()), lease=short
    )
    async with serving(one, clock):
        one.others_looked(Looked("other", "", leases_end_in=10))
        await clock.advance(1 + 8 * STEP)
        assert len(looks) >= 2
