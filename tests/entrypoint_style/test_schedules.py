"""Schedules of the queue side, lived through on a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import InvalidInput, JobStatus, PgQueuer, Queries, Schedule, SchedulerManager
from pg_scheduler.executors import (
    AbstractScheduleExecutor,
    ScheduleExecutor,
    ScheduleExecutorFactoryParameters,
)
from pg_scheduler.testing import ManualClock, drain, live_through
from tests.entrypoint_style.conftest import MakeApp

pytestmark = pytest.mark.slow_with("psycopg")

START = datetime(2030, 1, 1, 11, 58, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> ManualClock:
    """Stands shortly before noon."""
    return ManualClock(START)


@pytest.fixture
def pgq(app: MakeApp, clock: ManualClock) -> PgQueuer:
    """An application that lives in the clock's time."""
    return app(clock=clock)


async def test_a_name_may_have_several_expressions_each_with_its_function(
    pgq: PgQueuer, clock: ManualClock
) -> None:
    ran: list[tuple[str, datetime | None, str]] = []

    @pgq.schedule("report", "* * * * *")
    async def minutely(schedule: Schedule) -> None:
        ran.append(("minutely", schedule.window, schedule.expression))

    @pgq.schedule("report", "0 12 * * *")
    def at_noon(schedule: Schedule) -> None:
        ran.append(("noon", schedule.window, schedule.expression))

    await live_through(pgq.scheduler, clock, 3 * MINUTE)
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert sorted(ran) == [
        ("minutely", noon - MINUTE, "* * * * *"),
        ("minutely", noon, "* * * * *"),
        ("minutely", noon + MINUTE, "* * * * *"),
        ("noon", noon, "0 12 * * *"),
    ]


async def test_a_function_is_told_everything_about_its_schedule(pgq: PgQueuer, clock: ManualClock) -> None:
    seen: list[Schedule] = []

    @pgq.schedule("report", "*/5 * * * *")
    async def report(schedule: Schedule) -> None:
        seen.append(schedule)

    await live_through(pgq.scheduler, clock, 2 * MINUTE)
    (schedule,) = seen
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert (schedule.entrypoint, schedule.expression) == ("report", "*/5 * * * *")
    assert (schedule.window, schedule.last_run, schedule.next_run) == (noon, noon, noon + 5 * MINUTE)
    assert schedule.status == "running"
    assert schedule.heartbeat is not None
    assert schedule.created == START
    (stored,) = await pgq.scheduler.list_schedules()
    assert stored.key == schedule.id


async def test_the_same_expression_twice_is_a_runtime_error(pgq: PgQueuer) -> None:
    async def report(schedule: Schedule) -> None: ...

    pgq.schedule("report", "* * * * *")(report)
    with pytest.raises(RuntimeError, match=r"'report'.*already"):
        pgq.schedule("report", "* * * * *")
    with pytest.raises(RuntimeError, match=r"'report'.*already"):
        pgq.sm.schedule("report", " *  * * * *")  # the same, written otherwise
    pgq.schedule("report", "1 * * * *")(report)
    pgq.schedule("another", "* * * * *")(report)


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "61 * * * *", "every minute", "* * * * * * * *", None, 5]
)
async def test_an_invalid_expression_is_a_value_error(expression: Any) -> None:
    with pytest.raises(ValueError):
        PgQueuer.in_memory().schedule("report", expression)


async def test_a_refused_schedule_can_be_written_again(pgq: PgQueuer, clock: ManualClock) -> None:
    ran = []

    async def report(schedule: Schedule) -> None:
        ran.append(schedule.window)

    with pytest.raises(InvalidInput, match="max_retries"):
        pgq.schedule("report", "* * * * *", max_retries=-1)(report)
    with pytest.raises(InvalidInput, match="executor_factory: made None"):
        pgq.schedule("report", "* * * * *", lambda parameters: None)(report)  # type: ignore[arg-type, return-value]
    pgq.schedule("report", "* * * * *")(report)
    await live_through(pgq.scheduler, clock, MINUTE)
    assert len(ran) == 1


async def test_a_changed_expression_retires_the_old_row(app: MakeApp, clock: ManualClock) -> None:
    ran: list[str] = []

    def application(expression: str) -> PgQueuer:
        made = app(clock=clock)

        @made.schedule("report", expression)
        async def report(schedule: Schedule) -> None:
            ran.append(schedule.expression)

        return made

    old, new = application("* * * * *"), application("*/2 * * * *")
    await live_through(old.scheduler, clock, MINUTE)
    await old.shutdown()
    await clock.advance(timedelta(minutes=30))  # the old worker has been silent for long
    await drain(new.scheduler)
    ran.clear()
    await live_through(new.scheduler, clock, 4 * MINUTE)
    assert ran == ["*/2 * * * *"] * 2
    assert [one.key for one in await new.scheduler.list_schedules() if not one.retired] == [
        "report */2 * * * *"
    ]


async def test_a_failed_window_is_retried_like_any_job(pgq: PgQueuer, clock: ManualClock) -> None:
    ran: list[tuple[datetime | None, datetime]] = []

    @pgq.schedule("report", "0 12 * * *", max_retries=2)
    async def report(schedule: Schedule) -> None:
        ran.append((schedule.window, clock.now()))
        if len(ran) == 1:
            raise OSError("not yet")

    await live_through(pgq.scheduler, clock, timedelta(minutes=10))
    assert len(ran) == 2
    assert ran[0][0] == ran[1][0] == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert ran[1][1] > ran[0][1]
    (job,) = await pgq.scheduler.driver.insight.jobs()
    assert (job.status, job.retry_count) == (JobStatus.COMPLETED, 1)


async def test_a_failed_window_does_not_stop_the_next_ones(pgq: PgQueuer, clock: ManualClock) -> None:
    ran = []

    @pgq.schedule("report", "* * * * *")
    def report(schedule: Schedule) -> None:
        ran.append(schedule.window)
        raise OSError

    await live_through(pgq.scheduler, clock, 3 * MINUTE)
    assert len(set(ran)) == 3


async def test_a_schedule_executor_of_ones_own_runs_the_windows(pgq: PgQueuer, clock: ManualClock) -> None:
    made: list[Counting] = []

    class Counting(AbstractScheduleExecutor):
        def __init__(self, parameters: ScheduleExecutorFactoryParameters) -> None:
            super().__init__(parameters)
            self.windows: list[datetime | None] = []
            made.append(self)

        async def execute(self, schedule: Schedule) -> None:
            self.windows.append(schedule.window)

    class Noting(ScheduleExecutor):
        async def execute(self, schedule: Schedule) -> Any:
            return f"noted {await super().execute(schedule)}"

    async def report(schedule: Schedule) -> str:
        return "report"

    pgq.schedule("counted", "* * * * *", Counting)(report)
    pgq.schedule("noted", "* * * * *", executor_factory=Noting)(lambda schedule: report(schedule))
    await live_through(pgq.scheduler, clock, MINUTE)
    (executor,) = made
    assert executor.windows == [datetime(2030, 1, 1, 11, 59, tzinfo=UTC)]
    assert executor.get_next(START) == datetime(2030, 1, 1, 11, 59, tzinfo=UTC)
    assert timedelta(0) <= executor.next_in() <= MINUTE
    assert (executor.parameters.entrypoint, executor.parameters.expression) == ("counted", "* * * * *")
    assert {str(job.status) for job in await pgq.scheduler.driver.insight.jobs()} == {"completed"}


async def test_a_bad_schedule_executor_harms_only_its_own_windows(pgq: PgQueuer, clock: ManualClock) -> None:
    ran = []

    class Junk:
        def __init__(self, parameters: object) -> None: ...

        def execute(self, schedule: Schedule) -> None: ...

    async def report(schedule: Schedule) -> None:
        ran.append(schedule.window)

    pgq.schedule("bad", "* * * * *", Junk)(report)  # type: ignore[arg-type]
    pgq.schedule("good", "* * * * *")(report)
    await live_through(pgq.scheduler, clock, MINUTE)
    assert len(ran) == 1
    assert {job.task_name: str(job.status) for job in await pgq.scheduler.driver.insight.jobs()} == {
        "schedule:bad": "failed",
        "schedule:good": "completed",
    }
    await pgq.shutdown()  # an executor without close() is no obstacle


async def test_a_stored_schedule_shows_its_next_and_last_run(pgq: PgQueuer, clock: ManualClock) -> None:
    @pgq.schedule("report", "0 12 * * *", timezone="Europe/Berlin")
    async def report(schedule: Schedule) -> None: ...

    await live_through(pgq.scheduler, clock, timedelta(days=1))
    (record,) = await pgq.scheduler.driver.schedules.list_schedules()
    assert record.mark == datetime(2030, 1, 2, 11, tzinfo=UTC)
    assert record.next_window == datetime(2030, 1, 3, 11, tzinfo=UTC)
    assert record.run_count == 1
    status = await pgq.scheduler.schedule_status(record.new.key)
    assert status is not None
    assert status["last_status"] == "completed"


async def test_a_function_with_an_entrypoints_policy_does_not_carry_it_into_its_schedule(
    pgq: PgQueuer, client: Queries
) -> None:
    @pgq.schedule("both", "0 12 * * *")
    @pgq.entrypoint("both", timeout=5, max_retries=4, concurrency_limit=1)
    async def both(what: Any) -> None: ...

    task = pgq.scheduler._registry.resolve("schedule:both")
    assert task is not None
    assert (task.timeout, task.max_retries, task.limits.limited) == (None, 0, False)
    (handle,) = await client.enqueue("both")
    ((drained),) = await drain(pgq.scheduler)
    assert drained.job.job_id == handle


async def test_a_scheduler_manager_alone_runs_its_schedules(clock: ManualClock) -> None:
    from pg_scheduler.testing import MemoryDriver

    sm = SchedulerManager(MemoryDriver(), clock=clock)
    ran = []

    @sm.schedule("report", "* * * * *")
    async def report(schedule: Schedule) -> None:
        ran.append(schedule.window)

    await live_through(sm.scheduler, clock, MINUTE)
    assert len(ran) == 1
