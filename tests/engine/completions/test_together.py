"""A function that completes its job in its own transaction: both happen, or neither."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import InvalidTransition, JobStatus, LeaseLost, PgQueuer, RetryPolicy, current_job
from pg_scheduler.models import Context, Job
from tests.engine.completions.conftest import Stage
from tests.support.running import eventually, past, within

pytestmark = pytest.mark.slow_with("psycopg")

AT_ONCE = RetryPolicy(base=timedelta(0))


def warnings_of_the_engine(caplog: pytest.LogCaptureFixture) -> list[str]:
    """But for what it says of closures, which these jobs are."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.WARNING and not one.name.startswith("pg_scheduler.engine.tasks")
    ]


async def test_a_commit_completes_the_job_and_keeps_its_effects(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []

    async def job() -> object:
        ran.append(1)
        async with stage.transaction() as connection:
            await stage.have_effect(connection, "paid")
            await current_job().complete_in(connection, {"paid": 5})
        return "what is returned counts for nothing"

    with caplog.at_level(logging.INFO, logger="pg_scheduler"):
        async with stage.scheduler() as scheduler:
            handle = await scheduler.schedule(job, execution_time=past(), store_result=True)
            assert await handle.result(timeout=45) == {"paid": 5}
            await within(scheduler.worker.steps.wait_drained())
            record = await scheduler.driver.insight.job(handle)
            assert await scheduler.driver.insight.attempts(handle) == []
    assert record is not None
    assert (record.status, record.error_message) == (JobStatus.COMPLETED, None)
    assert (ran, await stage.effects()) == ([1], ["paid"])
    assert not warnings_of_the_engine(caplog), "no lease was lost"


async def test_a_rollback_leaves_neither_and_the_ordinary_verdict_applies(stage: Stage) -> None:
    ran: list[int] = []

    async def job() -> None:
        ran.append(1)
        async with stage.transaction() as connection:
            await stage.have_effect(connection, f"attempt {len(ran)}")
            await current_job().complete_in(connection)
            if len(ran) == 1:
                raise OSError("in the last moment")

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=1, retry=AT_ONCE)
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        (history,) = await scheduler.driver.insight.attempts(handle)
    assert (history.outcome, history.error_message) == ("retry", "OSError: in the last moment")
    assert (len(ran), await stage.effects()) == (2, ["attempt 2"])


async def test_a_failure_after_the_commit_comes_too_late(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []

    async def job() -> None:
        ran.append(1)
        async with stage.transaction() as connection:
            await stage.have_effect(connection, "done")
            await current_job().complete_in(connection)
        raise ValueError("too late")

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=3)
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        await within(scheduler.worker.steps.wait_drained())
    assert (ran, await stage.effects()) == ([1], ["done"])
    (warning,) = warnings_of_the_engine(caplog)
    assert "did not return normally" in warning


async def test_a_function_that_swallows_its_rollback_and_returns_completes_its_job(stage: Stage) -> None:
    """Its word counts, as if it had never called."""

    async def job() -> None:
        try:
            async with stage.transaction() as connection:
                await stage.have_effect(connection, "undone")
                await current_job().complete_in(connection)
                raise OSError
        except OSError:
            return

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
    assert await stage.effects() == []


async def test_a_stale_epoch_is_refused_and_takes_the_effects_with_it(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[LeaseLost] = []

    async def job() -> None:
        context = current_job()
        first = context.attempt == 1 and not refused
        try:
            async with stage.transaction() as connection:
                await stage.have_effect(connection, "stale" if first else "fresh")
                if first:
                    await scheduler.update_job_status(context.job_id, "pending")  # an operator's word
                await context.complete_in(connection)
        except LeaseLost as error:
            refused.append(error)
            raise

    async with stage.scheduler(max_concurrent_jobs=1) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        assert await scheduler.driver.insight.attempts(handle) == [], "no attempt failed"
    assert [one.job_id for one in refused] == [handle]
    assert await stage.effects() == ["fresh"]
    assert "after the lease was lost" not in caplog.text


async def test_a_second_completion_is_an_error_of_its_own(stage: Stage) -> None:
    raised: list[Exception] = []

    async def job() -> None:
        async with stage.transaction() as connection:
            await current_job().complete_in(connection)
            try:
                await current_job().complete_in(connection)
            except InvalidTransition as error:
                raised.append(error)

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
    assert len(raised) == 1


async def test_after_a_rollback_the_next_transaction_may_complete_the_job(stage: Stage) -> None:
    async def job() -> None:
        for tried in range(3):
            try:
                async with stage.transaction() as connection:
                    await stage.have_effect(connection, f"try {tried}")
                    await current_job().complete_in(connection)
                    if tried < 2:
                        raise OSError
                return
            except OSError:
                continue

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        assert await scheduler.driver.insight.attempts(handle) == []
    assert await stage.effects() == ["try 2"]


async def test_a_result_that_cannot_be_stored_is_refused_before_it_is_too_late(stage: Stage) -> None:
    async def job() -> None:
        async with stage.transaction() as connection:
            await stage.have_effect(connection, "undone")
            await current_job().complete_in(connection, object())

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), store_result=True)
        assert await handle.wait(timeout=45) is JobStatus.FAILED
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert record.error_message is not None
    assert record.error_message.startswith("UnencodablePayload: result:")
    assert await stage.effects() == []


async def test_what_is_no_connection_is_refused(stage: Stage) -> None:
    async def job(connection: Any) -> None:
        await current_job().complete_in(connection)

    async with stage.scheduler() as scheduler:
        for nothing in (None, "postgresql://", 5):
            handle = await scheduler.schedule(job, execution_time=past(), args=(nothing,))
            assert await handle.wait(timeout=45) is JobStatus.FAILED
            record = await scheduler.driver.insight.job(handle)
            assert record is not None
            assert (record.error_message or "").startswith("InvalidInput: connection: ")


async def test_a_cancellation_after_the_commit_comes_too_late(stage: Stage) -> None:
    committed = asyncio.Event()

    async def job() -> None:
        async with stage.transaction() as connection:
            await stage.have_effect(connection, "done")
            await current_job().complete_in(connection)
        committed.set()
        await asyncio.sleep(3600)

    async with stage.scheduler() as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), timeout=1)
        await within(committed.wait())
        assert await handle.status() is JobStatus.COMPLETED
        assert not await handle.cancel()
        await scheduler.shutdown(timeout=0)
        record = await scheduler.driver.insight.job(handle) if stage.in_memory else None
    assert await stage.effects() == ["done"]
    if record is not None:
        assert record.status is JobStatus.COMPLETED


async def test_an_entrypoint_completes_by_its_context(stage: Stage) -> None:
    pgq = PgQueuer(stage.scheduler())

    @pgq.entrypoint("pay", accepts_context=True)
    async def pay(job: Job, context: Context) -> None:
        async with stage.transaction() as connection:
            await stage.have_effect(connection, str(job.payload))
            await context.complete_in(connection, "receipt")

    async with pgq.scheduler:
        (handle,) = await pgq.queries.enqueue("pay", b"5", store_result=True)
        assert await handle.result(timeout=45) == "receipt"
    assert await stage.effects() == ["b'5'"]


def test_a_context_without_a_worker_says_so() -> None:
    from datetime import UTC, datetime

    from pg_scheduler import JobContext

    context = JobContext("id", "task", 1, 0, 0, datetime.now(UTC))
    with pytest.raises(RuntimeError, match="needs one"):
        asyncio.run(context.complete_in(None))


async def test_jobs_that_are_not_kept_when_completed_go_at_the_next_sweep(stage: Stage) -> None:
    from pg_scheduler import VacuumConfig, VacuumPolicy

    async def job() -> None:
        async with stage.transaction() as connection:
            await current_job().complete_in(connection)

    config = VacuumConfig(completed=VacuumPolicy.immediate())
    async with stage.scheduler(vacuum_config=config) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past())

        async def gone() -> bool:
            return await scheduler.driver.insight.job(handle) is None

        await eventually(gone)
