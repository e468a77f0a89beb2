"""Workers and lanes: order, wake-ups, and what is leased is started."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pg_scheduler import PgQueuer, PollingConfig
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.queues import queue_groups
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.claims import ClaimAnswer, ClaimPosition, ClaimRequest, LaneAnswer
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import OWNER, claim_request, settlement_of
from pg_scheduler.testing.memory.jobs import MemoryJobs
from tests.support.running import eventually, within


async def test_jobs_in_lanes_and_outside_start_in_one_order(dsn: str, library: Library) -> None:
    queue = PgQueuer(dsn, library=library)
    ran: list[int] = []

    async def note(job: Any) -> None:
        ran.append(int(job.payload))

    queue.entrypoint("limited", concurrency_limit=100)(note)
    queue.entrypoint("paced", requests_per_second=1000)(note)
    queue.entrypoint("free")(note)
    names = ["limited", "free", "paced"] * 6
    await queue.queries.enqueue(names, [str(n).encode() for n in range(18)], [-n % 7 for n in range(18)])
    await within(queue.run(batch_size=18, max_concurrent_tasks=18, mode="drain"))
    assert ran == sorted(range(18), key=lambda n: (-(-n % 7), n))


async def test_what_a_lane_gave_is_started_though_the_claim_of_others_fails() -> None:
    class HalfBroken(MemoryJobs):
        async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
            raise DatabaseError("the connection broke between the two")

    driver = MemoryDriver()
    driver.jobs = HalfBroken(driver.state)
    queue = PgQueuer(driver)
    ran: list[str] = []

    async def note(job: Any) -> None:
        ran.append(job.id)

    queue.entrypoint("limited", concurrency_limit=1)(note)
    (job_id,) = await queue.queries.enqueue("limited", b"")
    await queue.scheduler.open()
    with pytest.raises(DatabaseError):
        await queue.scheduler.worker.steps.claim_and_start()
    await queue.scheduler.worker.steps.finish_started()
    assert ran == [job_id]
    await queue.shutdown()


@pytest.mark.parametrize(
    ("besides", "started"),
    [
        ("nothing", ["limited"]),
        ("a due job outside lanes", []),
        ("marks of a backlog", []),
        ("a queue with slots of its own", []),
    ],
)
async def test_jobs_of_lanes_do_not_wait_for_the_other_claim_unless_others_may_come_first(
    besides: str, started: list[str]
) -> None:
    seen: list[list[str]] = []

    class Watched(MemoryJobs):
        async def claim(self, request: ClaimRequest, *, now: datetime | None = None) -> ClaimAnswer:
            seen.append([attempt.job.task_name for attempt in active.attempts()])
            return await super().claim(replace(request, resume_after=()), now=now)

    driver = MemoryDriver()
    driver.jobs = Watched(driver.state)
    queue = PgQueuer(driver)
    if besides.startswith("a queue"):
        queue.scheduler.configure_worker("queues", queues=queue_groups({"mail": 2, "default": None}))

    async def nothing(job: Any) -> None:
        pass

    queue.entrypoint("limited", concurrency_limit=1)(nothing)
    queue.entrypoint("free")(nothing)
    await queue.scheduler.open()
    active = queue.scheduler.worker.services.active
    await queue.queries.enqueue("limited", b"")
    if besides.startswith("a due job"):
        await queue.queries.enqueue("free", b"", priority=-1)
    if besides.startswith("marks"):
        (group,) = queue.scheduler.worker.services.claimer._groups
        mark = ClaimPosition("default", "free", 0, datetime.now(UTC), "")
        group._cursor.positions = lambda: () if seen else (mark,)  # type: ignore[method-assign]
    await queue.scheduler.worker.steps.claim_and_start()
    assert seen == [started] * len(seen) != []
    await queue.scheduler.worker.steps.finish_started()
    await queue.shutdown()


async def test_room_that_is_told_of_while_a_claim_is_under_way_is_used() -> None:
    """The claim has counted already, its answer is still to come, and no signal will come again."""

    class Late(MemoryJobs):
        counted, go = asyncio.Event(), asyncio.Event()

        async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
            answer = await super().claim_lanes(request, now=now)
            if request.worker_id != OWNER:
                self.counted.set()
                await self.go.wait()
            return answer

    driver = MemoryDriver()
    store = driver.jobs = Late(driver.state)
    queue = PgQueuer(driver)
    started = asyncio.Event()

    async def note(job: Any) -> None:
        started.set()

    queue.entrypoint("limited", concurrency_limit=1)(note)
    await driver.limits.set_limits({"limited": TaskLimits(concurrency=1)})
    await queue.queries.enqueue("limited", [b"first", b"second"])
    (first,) = (await store.claim_lanes(claim_request(OWNER, ("limited",)))).jobs
    running = asyncio.create_task(queue.run())
    await within(store.counted.wait())
    gate = queue.scheduler.worker.services.claimer._groups[0].lanes
    requests = gate.requests
    await store.settle([settlement_of(first, JobEvent.COMPLETE)])
    await eventually(lambda: gate.requests > requests)
    store.go.set()
    await within(started.wait())
    await queue.shutdown()
    await running


@pytest.mark.slow
async def test_without_signals_room_in_a_lane_is_found_by_polling(dsn: str, library: Library) -> None:
    polling = PollingConfig(listen=False, interval_without_listen=0.2)
    queue = PgQueuer(dsn, library=library, polling_config=polling)
    ran: list[bytes] = []

    async def note(job: Any) -> None:
        ran.append(job.payload)

    queue.entrypoint("limited", concurrency_limit=1)(note)
    running = asyncio.create_task(queue.run())
    await eventually(lambda: queue.scheduler.is_running)
    await queue.queries.enqueue("limited", b"1")
    await eventually(lambda: ran == [b"1"])
    # By now nothing is left to remind this worker of lanes.
    elsewhere = PgQueuer(dsn, library=library)
    await elsewhere.queries.enqueue("limited", b"2")
    await eventually(lambda: ran == [b"1", b"2"])
    await queue.shutdown()
    await elsewhere.shutdown()
    await running


async def test_limits_that_are_lifted_or_changed_hold_for_what_waits(dsn: str, library: Library) -> None:
    queue = PgQueuer(dsn, library=library)
    gate, started = asyncio.Event(), list[str]()

    async def wait(job: Any) -> None:
        started.append(job.id)
        await gate.wait()

    queue.entrypoint("limited", concurrency_limit=1)(wait)
    await queue.queries.enqueue("limited", [b""] * 6)
    running = asyncio.create_task(queue.run())
    await eventually(lambda: len(started) == 1)
    driver = queue.queries.driver
    await driver.limits.set_limits({"limited": TaskLimits(concurrency=3)})
    queue.scheduler.worker.services.claimer.wake_for_lanes()
    await eventually(lambda: len(started) == 3)
    await driver.limits.set_limits({"limited": TaskLimits()})
    queue.scheduler.worker.services.claimer.wake_for_lanes()
    await eventually(lambda: len(started) == 6)
    gate.set()
    await queue.shutdown()
    await running


async def test_tasks_without_limits_do_not_wait_for_a_claim_from_lanes_that_the_store_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Refusing(MemoryJobs):
        async def claim_lanes(self, request: ClaimRequest, *, now: datetime | None = None) -> LaneAnswer:
            raise DatabaseError("timestamp out of range", "22008")

    driver = MemoryDriver()
    driver.jobs = Refusing(driver.state)
    queue = PgQueuer(driver)
    ran: list[str] = []

    async def note(job: Any) -> None:
        ran.append(job.id)

    queue.entrypoint("free")(note)
    (job_id,) = await queue.queries.enqueue("free", b"")
    await queue.scheduler.open()
    await queue.scheduler.worker.steps.claim_and_start()
    await queue.scheduler.worker.steps.finish_started()
    assert ran == [job_id]
    assert "jobs of tasks with limits could not be claimed" in caplog.text
    await queue.shutdown()


@pytest.mark.parametrize("rate", [1e-14, 0, -1, 1e-9, 2_000_000, "10"])
def test_a_rate_that_no_calendar_holds_is_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match="one in a year"):
        PgQueuer(MemoryDriver()).entrypoint("paced", requests_per_second=rate)
