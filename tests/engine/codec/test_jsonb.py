"""The same values through a real jsonb column, which keeps numbers as decimals and sorts keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pg_scheduler import ConflictResolution, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from tests.engine.codec.values import TRICKY, Money, exactly, values

pytestmark = pytest.mark.slow_with("psycopg")

codec = JsonCodec()
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    """An installed driver on a fresh database."""
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


async def through_the_table(driver: Driver, args: list[Any]) -> tuple[Any, Any]:
    """Arguments as the claimer of a job gets them, and the same as the result that a waiter reads."""
    job = NewJob("job", "task", NOW, codec.encode_arguments(args, {"key": args}))
    await driver.jobs.submit([job], ConflictResolution.REPLACE, now=NOW)
    claimed = await driver.jobs.claim_job(
        "job", ClaimRequest("worker", (), 1, timedelta(seconds=60)), now=NOW
    )
    assert claimed is not None
    verdict = Verdict(JobEvent.COMPLETE, result=codec.encode_result(args))
    answer = await driver.jobs.settle([Settlement("job", claimed.epoch, "worker", verdict)], now=NOW)
    assert answer.accepted == [True]
    record = await driver.insight.job("job")
    assert record is not None
    assert record.result is not None
    return codec.decode_arguments(claimed.task_data), codec.decode_result(record.result)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(args=st.lists(values, max_size=6))
async def test_values_survive_the_column(driver: Driver, args: list[Any]) -> None:
    arguments, result = await through_the_table(driver, args)
    assert exactly(list(arguments)) == exactly([args, {"key": args}])
    assert exactly(result) == exactly(args)


async def test_tricky_values_survive_the_column(driver: Driver) -> None:
    arguments, result = await through_the_table(driver, list(TRICKY))
    assert exactly(list(arguments)) == exactly([list(TRICKY), {"key": list(TRICKY)}])
    assert exactly(result) == exactly(list(TRICKY))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(floats=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=20, max_size=50))
async def test_floats_of_every_size_survive_the_column(driver: Driver, floats: list[float]) -> None:
    arguments, _ = await through_the_table(driver, floats)
    assert [value.hex() for value in arguments[0]] == [value.hex() for value in floats]


async def test_jsonb_alone_would_change_the_tagged_floats(sql: asyncpg.Connection) -> None:
    """The control: why these floats are tagged at all."""
    assert await sql.fetchval("SELECT '1e22'::jsonb::text") == "10000000000000000000000"
    assert await sql.fetchval("SELECT '-0.0'::jsonb::text") == "0.0"


async def test_the_column_can_be_queried_with_sql(driver: Driver, sql: asyncpg.Connection) -> None:
    job = NewJob("job", "task", NOW, codec.encode_arguments([1, "two"], {"customer": {"id": 7}}))
    await driver.jobs.submit([job], ConflictResolution.RAISE, now=NOW)
    row = await sql.fetchrow(
        "SELECT task_data -> 'args' ->> 1 AS second, (task_data #>> '{kwargs,customer,id}')::int AS customer "
        "FROM scheduled_jobs"
    )
    assert dict(row) == {"second": "two", "customer": 7}


async def echo(*args: Any, **kwargs: Any) -> list[Any]:
    return [list(args), kwargs]


@pytest.fixture
async def scheduler(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[Scheduler]:
    """A scheduler that is not started, over what the parameter names."""
    source = MemoryDriver() if request.param == "memory" else dsn
    library = None if request.param == "memory" else request.param
    scheduler = Scheduler(source, library=library, clock=ManualClock(NOW))
    await scheduler.initialize_db()
    yield scheduler
    await scheduler.shutdown()


@pytest.mark.parametrize("scheduler", ["memory", "asyncpg", "psycopg"], indirect=True)
async def test_a_job_gets_and_gives_what_was_meant(scheduler: Scheduler) -> None:
    money = {"price": Money(Decimal("1.10"))}
    handle = await scheduler.schedule(
        echo, execution_time=NOW, args=TRICKY, kwargs={"order": money}, store_result=True
    )
    assert [drained.completed for drained in await drain(scheduler)] == [True]
    assert exactly(await handle.result()) == exactly([list(TRICKY), {"order": money}])
