"""`django.tasks` over our jobs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.test.utils import override_settings
from django.utils import timezone

from pg_scheduler import InvalidInput, Scheduler, SyncScheduler
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.testing import drain
from pg_scheduler_django.testing import run_due_jobs


@pytest.fixture
def tasks(django_dsn: str) -> Any:
    from tests.adapters.django import shop_tasks

    return shop_tasks


def worker() -> Scheduler:
    from pg_scheduler_django.worker import scheduler

    return scheduler()


def test_a_task_is_a_job_of_its_own_name_with_all_that_was_asked_for(tasks: Any) -> None:
    later = timezone.now() + timedelta(hours=1)
    result = tasks.greet.using(run_after=later).enqueue("Ada", loud=True)
    record = SyncScheduler("default").job(result.id)
    assert record is not None
    assert (record.task_name, record.queue) == ("tests.adapters.django.shop_tasks.greet", "mail")
    assert (record.rank, record.execution_time, record.misfire_grace_seconds) == (-2, later, None)
    assert (result.status, result.args, result.kwargs) == ("READY", ["Ada"], {"loud": True})
    assert run_due_jobs() == []
    with pytest.raises(TypeError, match="Unsupported type"):
        tasks.greet.enqueue(object())


def test_a_result_tells_the_whole_story(tasks: Any) -> None:
    result = tasks.greet.enqueue("Ada")
    run_due_jobs()
    again = tasks.greet.get_result(result.id)
    assert (again.status, again.return_value, again.attempts) == ("SUCCESSFUL", {"said": "Ada"}, 1)
    assert result.enqueued_at == again.enqueued_at <= again.started_at <= again.finished_at
    assert again.errors == []


def test_a_failure_names_its_class_and_is_told_once_it_is_final(tasks: Any) -> None:
    from django_tasks.signals import task_enqueued, task_finished, task_started

    told: list[tuple[str, str]] = []
    receivers = []
    for name, signal in (
        ("enqueued", task_enqueued),
        ("started", task_started),
        ("finished", task_finished),
    ):

        def tell(sender: type, task_result: Any, *, name: str = name, **_: Any) -> None:
            told.append((name, str(task_result.status)))

        receivers.append(tell)
        signal.connect(tell)
    result = tasks.flaky.enqueue(5)

    async def work() -> None:
        with override_settings(PG_SCHEDULER={"WORKER": {"retry_policy": RetryPolicy(base=timedelta(0))}}):
            scheduler = worker()
        await drain(scheduler)
        await drain(scheduler)
        await scheduler.shutdown()

    asyncio.run(work())
    result.refresh()
    assert (result.status, result.attempts) == ("FAILED", 2)
    assert [error.exception_class for error in result.errors] == [tasks.OutOfStock] * 2
    assert told == [
        ("enqueued", "READY"),
        ("started", "RUNNING"),
        ("started", "RUNNING"),
        ("finished", "FAILED"),
    ]


def test_async_callers_and_async_tasks_are_served(tasks: Any) -> None:
    async def request() -> str:
        result = await tasks.count_jobs.aenqueue()
        found = await tasks.count_jobs.aget_result(result.id)
        return str(found.id)

    job_id = async_to_sync(request)()
    (ran,) = run_due_jobs()
    assert (ran.job_id, ran.status) == (job_id, "completed")


def test_what_is_not_there_or_of_another_task_is_said(tasks: Any) -> None:
    from django_tasks.exceptions import TaskResultDoesNotExist, TaskResultMismatch

    with pytest.raises(TaskResultDoesNotExist):
        tasks.greet.get_result("nothing")
    foreign = SyncScheduler("default").schedule("no.such.task")
    with pytest.raises(TaskResultDoesNotExist):
        tasks.greet.get_result(foreign)
    with pytest.raises(TaskResultMismatch):
        tasks.flaky.get_result(tasks.greet.enqueue("Ada").id)


def test_an_attempt_that_wants_to_end_its_process_has_failed(tasks: Any) -> None:
    result = tasks.leave.enqueue()
    (ran,) = run_due_jobs(raise_errors=False)
    assert (ran.status, type(ran.error)) == ("failed", SystemExit)
    (failed,) = tasks.leave.get_result(result.id).errors
    assert failed.exception_class is SystemExit


def test_whoever_asks_within_an_event_loop_hears_what_is_wrong(tasks: Any) -> None:
    result = tasks.greet.enqueue("Ada")

    async def look() -> None:
        with pytest.raises(InvalidInput, match="where an event loop runs"):
            tasks.greet.get_result(result.id)
        assert (await tasks.greet.aget_result(result.id)).id == result.id

    async_to_sync(look)()


def test_an_enqueued_task_shares_the_fate_of_its_block(tasks: Any, django_dsn: str) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        tasks.greet.enqueue("Ada")
        raise ZeroDivisionError
    with psycopg.connect(django_dsn) as beside:
        assert beside.execute("SELECT count(*) FROM scheduled_jobs").fetchone() == (0,)


def test_connections_that_broke_fail_no_later_job(tasks: Any, django_dsn: str) -> None:
    """In the one thread that runs plain tasks here: its connection is ended between two jobs."""

    async def work() -> list[Any]:
        scheduler = worker()
        scheduler.max_concurrent_jobs = 1
        results = []
        for _ in range(3):
            result = await tasks.pid.aenqueue()
            await drain(scheduler)
            await result.arefresh()
            results.append(result)
            async with await psycopg.AsyncConnection.connect(django_dsn) as admin:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND pid = %s",
                    [result.return_value],
                )
        await scheduler.shutdown()
        return results

    assert [result.status for result in asyncio.run(work())] == ["SUCCESSFUL"] * 3
