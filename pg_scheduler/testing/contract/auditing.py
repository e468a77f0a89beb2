"""What somebody does by hand is written down, with it or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from pg_scheduler.domain.audit import IDS_KEPT, Actor, AuditRecord
from pg_scheduler.domain.errors import JobNotFound
from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerWish
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing.contract.scene import (
    LEASE,
    NOON,
    OWNER,
    at,
    brought_to,
    new,
    refusal,
    started,
    submit,
)
from pg_scheduler.testing.contract.schedule_scene import schedule

ADA = Actor("ada@ops-1", "cli")

Doing = Callable[[Driver, Actor | None], Awaitable[object]]

DOINGS: dict[str, tuple[str, Doing]] = {
    "pause task": ("task", lambda driver, by: driver.limits.pause_task("task", True, now=NOON, by=by)),
    "resume task": ("paused", lambda driver, by: driver.limits.pause_task("paused", False, now=NOON, by=by)),
    "pause queue": (
        "default",
        lambda driver, by: driver.limits.pause_queue("default", True, now=NOON, by=by),
    ),
    "resume queue": ("held", lambda driver, by: driver.limits.pause_queue("held", False, now=NOON, by=by)),
    "limit queue": (
        "default",
        lambda driver, by: driver.limits.limit_queue("default", TaskLimits(2), now=NOON, by=by),
    ),
    "limit task": (
        "task",
        lambda driver, by: driver.limits.limit_task("task", TaskLimits(2), now=NOON, by=by),
    ),
    "quiet worker": (
        OWNER,
        lambda driver, by: driver.steering.ask_worker(OWNER, WorkerWish.QUIET, now=NOON, by=by),
    ),
    "stop worker": (
        OWNER,
        lambda driver, by: driver.steering.ask_worker(OWNER, WorkerWish.STOP, now=NOON, by=by),
    ),
    "pause schedule": (
        "key",
        lambda driver, by: driver.schedules.set_paused("key", True, now=NOON, by=by),
    ),
    "resume schedule": (
        "held",
        lambda driver, by: driver.schedules.set_paused("held", False, now=NOON, by=by),
    ),
    "run schedule": (
        "key",
        lambda driver, by: driver.schedules.note_manual_run("key", "runs", now=NOON, by=by),
    ),
    "change schedule": (
        "key",
        lambda driver, by: driver.schedules.put_schedule(schedule("key"), now=NOON, by=by),
    ),
    "remove schedule": (
        "key",
        lambda driver, by: driver.schedules.remove_schedule("key", now=NOON, by=by),
    ),
    "cancel jobs": ("runs", lambda driver, by: driver.jobs.request_cancel(["runs"], now=NOON, by=by)),
    "retry jobs": (
        "failed",
        lambda driver, by: driver.jobs.override_status("failed", JobStatus.PENDING, now=NOON, by=by),
    ),
    "mark job": (
        "runs",
        lambda driver, by: driver.jobs.override_status("runs", JobStatus.COMPLETED, now=NOON, by=by),
    ),
}


async def scene(driver: Driver) -> None:
    """Something to change for each of them."""
    await driver.limits.pause_task("paused", True, now=NOON)
    await driver.limits.pause_queue("held", True, now=NOON)
    await driver.jobs.renew(RenewRequest(OWNER, "host", 7, LEASE, ()), now=NOON)
    await driver.schedules.put_schedule(schedule("key"), now=NOON)
    await driver.schedules.put_schedule(schedule("held", paused=True), now=NOON)
    await started(driver, "runs")
    await brought_to(driver, JobStatus.FAILED, "failed")


class TestAuditing:
    """`by=`, and `audit`."""

    async def test_what_somebody_does_is_written_down_once(self, driver: Driver) -> None:
        await scene(driver)
        for act, (subject, do) in DOINGS.items():
            before = len(await driver.steering.audit())
            await do(driver, ADA)
            record, *others = await driver.steering.audit()
            assert record == AuditRecord(record.audit_id, NOON, ADA, act, subject, 1)
            assert len(others) == before

    async def test_what_nobody_does_is_not(self, driver: Driver) -> None:
        await scene(driver)
        for _, do in DOINGS.values():
            await do(driver, None)
        assert await driver.steering.audit() == []

    async def test_what_changes_nothing_is_not(self, driver: Driver) -> None:
        await brought_to(driver, JobStatus.COMPLETED)
        assert not await driver.limits.pause_task("task", False, now=NOON, by=ADA)
        assert not await driver.limits.pause_queue("default", False, now=NOON, by=ADA)
        assert not await driver.limits.limit_queue("default", NO_LIMITS, now=NOON, by=ADA)
        assert not await driver.limits.limit_task("task", NO_LIMITS, now=NOON, by=ADA)
        await driver.schedules.put_schedule(schedule("key"), now=NOON)
        assert await driver.schedules.set_paused("key", False, now=NOON, by=ADA)
        assert not await driver.schedules.set_paused("unknown", True, now=NOON, by=ADA)
        assert not await driver.schedules.remove_schedule("unknown", now=NOON, by=ADA)
        await driver.schedules.note_manual_run("unknown", "job", now=NOON, by=ADA)
        await driver.steering.ask_worker("nobody", WorkerWish.QUIET, now=NOON, by=ADA)
        await driver.jobs.request_cancel(["job", "unknown"], now=NOON, by=ADA)
        await driver.jobs.override_status("job", JobStatus.COMPLETED, now=NOON, by=ADA)
        assert await driver.steering.audit() == []

    async def test_what_is_refused_is_not(self, driver: Driver) -> None:
        await refusal(
            JobNotFound, driver.jobs.override_status("unknown", JobStatus.PENDING, now=NOON, by=ADA)
        )
        assert await driver.steering.audit() == []

    async def test_of_many_jobs_some_are_named_and_those_counted_that_changed(self, driver: Driver) -> None:
        ids = [f"{number:02}" for number in range(IDS_KEPT + 3)]
        await submit(driver, *(new(one) for one in ids))
        await brought_to(driver, JobStatus.COMPLETED, "done")
        await driver.jobs.request_cancel([*ids, "done"], now=NOON, by=ADA)
        (record,) = await driver.steering.audit()
        assert record.affected == len(ids)
        assert record.subject == ", ".join(ids[:IDS_KEPT]) + " and 3 more"

    async def test_the_latest_comes_first_and_what_is_older_may_be_left_out(self, driver: Driver) -> None:
        for second, paused in enumerate((True, False, True, False)):
            await driver.limits.pause_queue("default", paused, now=at(second), by=ADA)
        assert [record.at for record in await driver.steering.audit(limit=2)] == [at(3), at(2)]
        assert [record.at for record in await driver.steering.audit(since=at(1))] == [at(3), at(2), at(1)]

    async def test_what_is_old_is_forgotten_with_the_jobs_that_it_names_and_ids_go_on(
        self, driver: Driver
    ) -> None:
        await submit(driver, new("job"))
        await driver.jobs.request_cancel(["job"], now=NOON, by=ADA)
        for second, paused in enumerate((True, False)):
            await driver.limits.pause_queue("default", paused, now=at(10 + second), by=ADA)
        first = (await driver.steering.audit())[-1].audit_id
        assert await driver.retention.forget_acts(timedelta(seconds=5), 1, now=at(11)) == 1
        assert await driver.retention.forget_acts(timedelta(seconds=5), 1, now=at(11)) == 0
        assert (await driver.insight.page(Selection(audit_id=first))).jobs == ()
        await driver.limits.pause_queue("default", True, now=at(12), by=ADA)
        left = [record.audit_id for record in await driver.steering.audit()]
        assert left == sorted({*left}, reverse=True)
        assert len(left) == 3
        assert first not in left
        assert await driver.retention.forget_acts(timedelta(0), 10, now=at(12)) == 2
