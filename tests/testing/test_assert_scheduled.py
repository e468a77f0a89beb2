"""Asserting what was scheduled, and what a failed assertion shows."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from pg_scheduler import PgQueuer, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.testing import ManualClock, MemoryDriver, assert_scheduled, drain, scheduled


async def send(to: str, *, copies: int = 1) -> None:
    """A task."""


async def other() -> None:
    """Another task."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def scheduler(clock: ManualClock) -> Scheduler:
    """Two mails are to be sent, one in an hour and one in two."""
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    hour = timedelta(hours=1)
    await scheduler.schedule(
        send, execution_time=clock.now() + 2 * hour, args=("bob",), kwargs={"copies": 3}, job_id="second"
    )
    await scheduler.schedule(send, execution_time=clock.now() + hour, args=["ann"], job_id="first")
    return scheduler


async def test_what_matches_is_returned_in_order_of_time(scheduler: Scheduler, clock: ManualClock) -> None:
    hour = timedelta(hours=1)
    assert [job.job_id for job in await assert_scheduled(scheduler, send)] == ["first", "second"]
    assert [job.job_id for job in await scheduled(scheduler, send)] == ["first", "second"]
    for wanted in (
        {"args": ("ann",)},
        {"args": ["ann"], "kwargs": {}},
        {"at": clock.now() + hour},
        {"at": (clock.now() + hour).astimezone(timezone(hour))},
        {"args": ("ann",), "count": 1},
    ):
        (job,) = await assert_scheduled(scheduler, send, **wanted)
        assert job.job_id == "first"


async def test_a_task_is_also_known_by_its_name(scheduler: Scheduler) -> None:
    name = scheduler.task_for(send).name
    assert len(await assert_scheduled(scheduler, name, count=2)) == 2


async def test_what_has_run_is_not_scheduled_any_more(scheduler: Scheduler, clock: ManualClock) -> None:
    await clock.advance(timedelta(hours=1))
    await drain(scheduler)
    assert [job.job_id for job in await assert_scheduled(scheduler, send, count=1)] == ["second"]


async def test_a_count_of_nothing_asserts_that_nothing_matches(scheduler: Scheduler) -> None:
    assert await assert_scheduled(scheduler, send, args=("eve",), count=0) == []
    assert await assert_scheduled(scheduler, other, count=0) == []
    with pytest.raises(AssertionError, match=r"expected 0 jobs of .*send.*; 2 match"):
        await assert_scheduled(scheduler, send, count=0)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"args": ("eve",)}, "expected a job of .*send.* with args=\\['eve'\\].*; 0 match"),
        ({"kwargs": {"copies": 2}}, "kwargs={'copies': 2}.*; 0 match"),
        ({"count": 3}, "expected 3 jobs of .*; 2 match"),
        ({"args": ("ann",), "kwargs": {"copies": 3}}, "; 0 match"),
    ],
)
async def test_a_failed_assertion_shows_what_is_scheduled_instead(
    scheduler: Scheduler, wanted: dict[str, object], says: str
) -> None:
    with pytest.raises(AssertionError, match=says) as failed:
        await assert_scheduled(scheduler, send, **wanted)  # type: ignore[arg-type]
    shown = [line for line in str(failed.value).splitlines()[1:] if not line.startswith("    ")]
    assert sorted(shown) == [
        "  send('ann') at 2030-01-01T01:00:00+00:00",
        "  send('bob', copies=3) at 2030-01-01T02:00:00+00:00",
    ]


async def test_a_failed_assertion_shows_what_differs_in_the_most_similar_job_first(
    scheduler: Scheduler, clock: ManualClock
) -> None:
    soon = clock.now() + timedelta(hours=3)
    with pytest.raises(AssertionError) as failed:
        await assert_scheduled(scheduler, send, args=("bob",), kwargs={"copies": 3}, at=soon)
    assert str(failed.value).splitlines()[1:5] == [
        "  send('bob', copies=3) at 2030-01-01T02:00:00+00:00",
        "    at expected 2030-01-01T03:00:00+00:00",
        "            got 2030-01-01T02:00:00+00:00",
        "  send('ann') at 2030-01-01T01:00:00+00:00",
    ]


async def test_an_entrypoints_jobs_are_compared_by_payload_and_queue() -> None:
    app = PgQueuer.in_memory()
    await app.queries.enqueue("mail", b"ann", queue="bulk")
    for asked in (app, app.queries, app.scheduler):
        (job,) = await assert_scheduled(asked, "mail", payload=b"ann", queue="bulk", count=1)
        assert job.payload == b"ann"
    with pytest.raises(AssertionError) as failed:
        await assert_scheduled(app, "mail", payload=b"eve", queue="bulk")
    assert str(failed.value).splitlines()[2:] == [
        "    payload expected b'eve'",
        "                 got b'ann'",
    ]


async def test_a_failed_assertion_names_the_tasks_that_are_scheduled_instead(scheduler: Scheduler) -> None:
    with pytest.raises(AssertionError, match=r"nothing of this task, but of .*test_assert_scheduled:send"):
        await assert_scheduled(scheduler, other)


async def test_a_failed_assertion_about_an_idle_task_says_that_nothing_is_pending(
    clock: ManualClock,
) -> None:
    with pytest.raises(AssertionError, match=r"Pending:\n  nothing$"):
        await assert_scheduled(Scheduler(MemoryDriver(), clock=clock), other)


async def test_it_asks_postgresql_as_it_asks_memory(dsn: str, library: Library, clock: ManualClock) -> None:
    scheduler = Scheduler(dsn, library=library, clock=clock)
    with pytest.raises(AssertionError, match="nothing"):
        await assert_scheduled(scheduler, send)
    await scheduler.schedule(send, execution_time=clock.now(), args=("ann",))
    await assert_scheduled(scheduler, send, args=("ann",), at=clock.now(), count=1)
    await scheduler.shutdown()
