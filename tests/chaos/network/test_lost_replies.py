"""The server has done it and committed; the answer never arrives. What is repeated is not doubled or lost."""

from __future__ import annotations

import logging
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler import (
    ConflictResolution,
    ConnectionLost,
    JobAlreadyExists,
    JobSpec,
    PollingConfig,
    Queries,
    RetryPolicy,
    Scheduler,
    VacuumConfig,
    VacuumPolicy,
)
from pg_scheduler.client.source import Library
from pg_scheduler_postgres.submitting import WORTH_COPYING
from tests.chaos.network.proxy import Loss, TcpProxy
from tests.chaos.network.stage import CLAIM
from tests.support.running import eventually, idle, past, within

IGNORE, RAISE = ConflictResolution.IGNORE, ConflictResolution.RAISE
SUBMIT = r"INSERT INTO .*scheduled_jobs .*(FROM unnest|VALUES)"
SETTLE = r"array_agg\(held\.job_id\)|held\.target"
QUICK = PollingConfig(interval=0.2, interval_without_listen=0.2)
LOSSES = pytest.mark.parametrize("loss", [Loss.REPLY, Loss.QUERY])
"""A control beside each: where the statement itself is lost, nothing has happened, and it looks the same."""


async def job() -> None: ...


class Refusing:
    """Counts what the store said to verdicts."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, bool]] = []

    def job_started(self, job: object) -> None: ...

    def job_settled(self, job: object, verdict: object, took: object, accepted: bool) -> None:
        self.answers.append((str(verdict.event), accepted))  # type: ignore[attr-defined]

    def pass_finished(self, service: str) -> None: ...


async def ids(sql: asyncpg.Connection) -> list[str]:
    return [row["job_id"] for row in await sql.fetch("SELECT job_id FROM scheduled_jobs ORDER BY 1")]


@LOSSES
async def test_a_submission_whose_answer_was_lost_is_stored_once(
    proxy: TcpProxy, proxied: str, library: Library, sql: asyncpg.Connection, loss: Loss
) -> None:
    async with idle(Scheduler.connect(proxied, library=library)) as scheduler:
        trap = proxy.lose(SUBMIT, loss)
        handle = await scheduler.schedule(job, execution_time=past())
        assert trap.snapped == 1
        assert await ids(sql) == [handle]


@LOSSES
@pytest.mark.parametrize(
    ("number", "conflict", "lost"),
    [(3, IGNORE, SUBMIT), (3, RAISE, "^COMMIT"), (WORTH_COPYING, IGNORE, "^COMMIT")],
    ids=["one statement", "a transaction", "a copy"],
)
async def test_a_bulk_submission_whose_answer_was_lost_is_reported_as_stored(
    proxy: TcpProxy, proxied: str, library: Library, sql: asyncpg.Connection, loss: Loss,
    number: int, conflict: ConflictResolution, lost: str,
) -> None:  # fmt: skip
    async with idle(Scheduler.connect(proxied, library=library)) as scheduler:
        trap = proxy.lose(lost, loss)
        specs = [JobSpec(job, past()) for _ in range(number)]
        handles = await scheduler.schedule_bulk(specs, conflict_resolution=conflict)
        assert trap.snapped == 1
        assert await ids(sql) == sorted(str(handle) for handle in handles)


@LOSSES
async def test_an_enqueued_batch_with_dedupe_keys_is_not_taken_for_a_duplicate_of_itself(
    proxy: TcpProxy, proxied: str, library: Library, sql: asyncpg.Connection, loss: Loss
) -> None:
    async with idle(Scheduler.connect(proxied, library=library)) as scheduler:
        trap = proxy.lose(SUBMIT, loss)
        handles = await Queries(scheduler).enqueue("entry", b"x", dedupe_key="one")
        assert trap.snapped == 1
        assert await ids(sql) == [str(handle) for handle in handles]


async def test_of_an_id_that_the_caller_chose_the_truth_is_told(
    proxy: TcpProxy, proxied: str, library: Library, sql: asyncpg.Connection
) -> None:
    """Nobody can say whether the id was taken by this call, and nobody pretends to."""
    async with idle(Scheduler.connect(proxied, library=library)) as scheduler:
        proxy.lose(SUBMIT)
        with pytest.raises(ConnectionLost, match="by this call or by one before"):
            await scheduler.schedule(job, execution_time=past(), job_id="mine")
        assert await ids(sql) == ["mine"]
        proxy.lose(SUBMIT, Loss.QUERY)
        assert await scheduler.schedule(job, execution_time=past(), job_id="other") == "other"
        with pytest.raises(JobAlreadyExists):
            await scheduler.schedule(job, execution_time=past(), job_id="other")


async def test_a_replacement_whose_answer_was_lost_is_not_repeated(
    proxy: TcpProxy, proxied: str, library: Library
) -> None:
    """The new version may have run by now, and to replace it again would run it twice."""
    async with idle(Scheduler.connect(proxied, library=library)) as scheduler:
        replace = ConflictResolution.REPLACE
        await scheduler.schedule(job, execution_time=past(), job_id="mine")
        before = await scheduler.driver.insight.job("mine")
        proxy.lose(SUBMIT)
        with pytest.raises(ConnectionLost):
            await scheduler.schedule(job, execution_time=past(), job_id="mine", conflict_resolution=replace)
        record = await scheduler.driver.insight.job("mine")
        assert before is not None
        assert record is not None
        assert record.epoch == before.epoch + 1  # replaced, once


@LOSSES
@pytest.mark.parametrize("outcome", ["completes", "stores", "fails", "retries", "is deleted"])
async def test_a_worker_knows_its_own_verdict_again_when_the_answer_was_lost(
    proxy: TcpProxy,
    proxied: str,
    library: Library,
    sql: asyncpg.Connection,
    loss: Loss,
    outcome: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> str:
        if outcome in ("fails", "retries"):
            raise ValueError("as it should")
        return "done"

    seen = Refusing()
    at_once = VacuumConfig(completed=VacuumPolicy.immediate())
    async with Scheduler.connect(
        proxied,
        library=library,
        polling_config=QUICK,
        observers=[seen],
        vacuum_config=at_once if outcome == "is deleted" else None,
        retry_policy=RetryPolicy(base=timedelta(hours=1), cap=timedelta(hours=1)),
    ) as scheduler:
        trap = proxy.lose(SETTLE, loss)
        handle = await scheduler.schedule(
            work,
            execution_time=past(),
            store_result=outcome == "stores",
            max_retries=int(outcome == "retries"),
        )
        await within(trap.hit.wait())
        await eventually(lambda: seen.answers)
        assert [accepted for _, accepted in seen.answers] == [True]
        assert not [line for line in caplog.messages if "lease was lost" in line]
        record = await scheduler.driver.insight.job(handle)
        if outcome == "is deleted":
            assert record is None
            return
        assert record is not None
        expected = {"fails": "failed", "retries": "pending"}.get(outcome, "completed")
        assert (record.status, record.attempt_count, record.crash_count) == (expected, 1, 0)


@LOSSES
async def test_a_claim_whose_answer_was_lost_costs_neither_a_lease_nor_a_crash(
    proxy: TcpProxy,
    proxied: str,
    library: Library,
    sql: asyncpg.Connection,
    loss: Loss,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with Scheduler.connect(proxied, library=library, polling_config=QUICK) as scheduler:
        trap = proxy.lose(CLAIM, loss)
        handle = await scheduler.schedule(job, execution_time=past())
        # Far less than the lease of a minute.
        assert await handle.wait(timeout=15) == "completed"
        assert trap.snapped == 1
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert (record.attempt_count, record.crash_count) == (1, 0)
