"""Verdicts that the database refuses, for a while or for good."""

from __future__ import annotations

import logging

import asyncpg
import pytest

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.ports.job_store import SettleAnswer
from tests.support.running import HastyScheduler, eventually, past

QUICK = PollingConfig(interval=0.1, interval_without_listen=0.1)
_REFUSE = """
    CREATE TABLE wanted (code text);
    INSERT INTO wanted VALUES ('{code}');
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM wanted) THEN
            RAISE EXCEPTION 'refused on purpose' USING ERRCODE = (SELECT code FROM wanted);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON scheduled_jobs FOR EACH ROW
        WHEN (NEW.status = 'completed' AND {which}) EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("code", ["53100", "40001"])
async def test_a_worker_that_cannot_store_its_verdicts_takes_no_more_jobs_and_loses_none(
    dsn: str, library: Library, sql: asyncpg.Connection, code: str
) -> None:
    ran: list[int] = []

    async def work(number: int) -> None:
        ran.append(number)

    async with Scheduler.connect(
        dsn, library=library, max_concurrent_jobs=3, batch_claim_limit=3, polling_config=QUICK
    ) as scheduler:
        await sql.execute(_REFUSE.format(code=code, which="true"))
        for number in range(40):
            await scheduler.schedule(work, execution_time=past(), args=(number,))
        await _another_refusal(scheduler)
        kept = "SELECT count(*) FROM scheduled_jobs WHERE status = 'running'"
        # What was claimed before the first refusal came, and a claim that was under way.
        most = await sql.fetchval(kept) + 3
        assert most < 40
        for _ in range(2):
            await _another_refusal(scheduler)
            assert await sql.fetchval(kept) <= most
            assert len(ran) <= most
        await sql.execute("DELETE FROM wanted")
        done = "SELECT count(*) = 40 FROM scheduled_jobs WHERE status = 'completed' AND crash_count = 0"
        await eventually(lambda: sql.fetchval(done))
        assert sorted(ran) == list(range(40))


async def _another_refusal(scheduler: Scheduler) -> None:
    """Wait until the settler has tried once more."""
    store, tried = scheduler.worker.services.settler._jobs, []
    original = store.settle

    async def settle(*args: object, **kwargs: object) -> SettleAnswer:
        try:
            return await original(*args, **kwargs)  # type: ignore[arg-type]
        finally:
            tried.append(True)

    store.settle = settle  # type: ignore[method-assign]
    try:
        await eventually(lambda: tried)
    finally:
        store.settle = original  # type: ignore[method-assign]


async def test_a_verdict_that_is_refused_for_good_holds_up_no_other_and_is_reported(
    dsn: str, library: Library, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Its job is left to its lease, and fails in the end for the crashes that this counts as."""

    async def work() -> None: ...

    async with HastyScheduler(dsn, library=library, polling_config=QUICK, max_crashes=2) as scheduler:
        await sql.execute(_REFUSE.format(code="P0001", which="NEW.job_id = 'cursed'"))
        await scheduler.schedule(work, execution_time=past(), job_id="cursed")
        others = [await scheduler.schedule(work, execution_time=past()) for _ in range(5)]
        for other in others:
            assert await other.wait(timeout=45) == "completed"
        cursed = "SELECT status = 'failed' FROM scheduled_jobs WHERE job_id = 'cursed'"
        await eventually(lambda: sql.fetchval(cursed))
        assert scheduler.worker.services.settler.empty
    told = [record for record in caplog.records if "cannot be stored in any form" in record.message]
    assert told
    assert all(record.levelno == logging.ERROR for record in told)
