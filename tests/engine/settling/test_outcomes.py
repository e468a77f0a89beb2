"""Outcomes out of the ordinary: snoozes, failures and results that cannot be told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg

from pg_scheduler import RetryPolicy, Scheduler, Snooze
from pg_scheduler.client.source import Library
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.testing import ManualClock, drain
from tests.support.running import idle, later, past

AT_ONCE = RetryPolicy(base=timedelta(0))


class Fault(Exception):
    """What the jobs here raise."""


async def fails(text: str = "no luck") -> None:
    raise Fault(text)


async def test_a_cancellation_that_nobody_asked_for_is_a_failure_like_any_other(dsn: str) -> None:
    """For instance a library that cancels something of its own and lets the error through."""
    made: list[int] = []

    async def job() -> None:
        made.append(1)
        raise asyncio.CancelledError

    async with Scheduler.connect(dsn, retry_policy=AT_ONCE) as scheduler:
        handle = await scheduler.schedule(job, execution_time=past(), max_retries=2)
        assert await handle.wait(timeout=45) == "failed"
        history = await scheduler.driver.insight.attempts(handle)
    assert len(made) == 3
    assert [one.outcome for one in history] == ["retry", "retry", "failed"]


async def test_snooze_runs_the_job_again_later_and_uses_nothing_up(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    clock, tries = ManualClock(), []

    async def not_before_the_third_time() -> None:
        tries.append(clock.now())
        if len(tries) < 3:
            raise Snooze(timedelta(minutes=10))

    async with idle(Scheduler.connect(dsn, library=library, clock=clock)) as scheduler:
        handle = await scheduler.schedule(not_before_the_third_time, execution_time=clock.now())
        for _ in range(3):
            await drain(scheduler)
            await clock.advance(timedelta(minutes=10))
        assert [(tried - tries[0]).total_seconds() for tried in tries] == [0, 600, 1200]
        row = await sql.fetchrow(
            "SELECT status, attempt_count, retry_count, error_message FROM scheduled_jobs"
        )
        assert tuple(row) == ("completed", 1, 0, None)
        assert [one.outcome for one in await scheduler.driver.insight.attempts(handle)] == [
            "snoozed",
            "snoozed",
        ]


async def test_a_delay_beyond_all_calendars_harms_nobody(dsn: str, library: Library) -> None:
    """The verdicts that are stored together with it are stored all the same."""

    async def for_ever() -> None:
        raise Snooze(timedelta.max)

    century = RetryPolicy(base=timedelta(days=36_525), cap=timedelta(days=36_525))
    async with Scheduler.connect(dsn, library=library, retry_policy=century) as scheduler:
        snoozed = await scheduler.schedule(for_ever, execution_time=past())
        failed = await scheduler.schedule(fails, execution_time=past(), max_retries=1)
        last = await scheduler.schedule(fails, execution_time=past())
        assert await last.wait(timeout=45) == "failed"
        for handle in (snoozed, failed):
            record = await scheduler.driver.insight.job(handle)
            assert record is not None
            assert record.status == "pending"
            assert record.execution_time > later(86_400 * 300)


async def test_a_verdict_that_a_library_will_not_send_ends_its_own_job_only(
    dsn: str, library: Library
) -> None:
    """Here the codec's fault: what it calls JSON text holds what no database takes."""

    class Careless(JsonCodec):
        def encode_result(self, value: object) -> str:
            return '"\ud800"' if value == "poison" else super().encode_result(value)

    async def returns(what: str) -> str:
        return what

    async with Scheduler.connect(dsn, library=library, codec=Careless()) as scheduler:
        handles = [
            await scheduler.schedule(returns, execution_time=past(), args=(what,), store_result=True)
            for what in ("fine", "poison", "fine")
        ]
        assert [await handle.wait(timeout=45) for handle in handles] == ["completed"] * 3
        assert await handles[2].result() == "fine"
        record = await scheduler.driver.insight.job(handles[1])
    assert record is not None
    assert "could not be stored" in (record.error_message or "")


async def test_a_failure_that_cannot_be_told_still_ends_the_job(dsn: str, library: Library) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    async def with_nul() -> None:
        raise Fault("a NUL \x00 and a lone surrogate \ud800")

    async def unspeakable() -> None:
        raise Unspeakable

    async with Scheduler.connect(dsn, library=library) as scheduler:
        for job in (with_nul, unspeakable):
            handle = await scheduler.schedule(job, execution_time=past())
            assert await handle.wait(timeout=45) == "failed"
            record = await scheduler.driver.insight.job(handle)
            assert record is not None
            assert record.error_message


async def test_a_result_that_cannot_be_stored_still_completes_the_job(dsn: str, library: Library) -> None:
    async def gives_an_object() -> object:
        return object()

    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(gives_an_object, execution_time=past(), store_result=True)
        assert await handle.wait(timeout=45) == "completed"
        assert await handle.result() is None
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert "result not stored" in (record.error_message or "")
