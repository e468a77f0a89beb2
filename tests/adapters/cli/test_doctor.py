"""`pgq doctor`: what is wrong, what to do, and an exit code that tells whether somebody must."""

from __future__ import annotations

import json
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.diagnosis import diagnose
from tests.adapters.cli.conftest import Pgq


@pytest.fixture
def library() -> str:
    """One is enough: the contract runs on both."""
    return "asyncpg"


async def test_it_says_what_is_wrong_and_what_to_do(pgq: Pgq, dsn: str) -> None:
    bare = await pgq("doctor")
    assert (bare.code, "error  schema" in bare.out, "-> pgq db install" in bare.out) == (1, True, True)
    async with Scheduler(dsn) as scheduler:
        scheduler.register(_send, name="mail")
        await scheduler.worker.services.lease_keeper.renew_now()
        said = await pgq("doctor", "--json")
        told = json.loads(said.out)
        # The servers of tests are fast and unsafe, which is what there is to find.
        assert (said.code, told["severe"], told["workers"], told["hears_itself"]) == (1, True, 1, True)
        assert [one["code"] for one in told["problems"]][:2] == ["fsync", "synchronous_commit"]
        assert set(told["problems"][0]) == {"code", "severity", "about", "subject", "text", "fix"}


async def test_what_the_database_does_not_say_in_time_is_left_out_and_told(
    dsn: str, sql: asyncpg.Connection
) -> None:
    scheduler = Scheduler(dsn)
    await scheduler.initialize_db()
    async with sql.transaction():
        await sql.execute("LOCK TABLE scheduled_jobs IN ACCESS EXCLUSIVE MODE")
        limit = timedelta(milliseconds=300)
        found = await diagnose(scheduler.driver, scheduler.client.clock, limit, listen=False)
    assert (found.cluster, found.hears_itself) == (None, None)
    assert "slow" in [one.code for one in found.problems]
    await scheduler.shutdown()


async def _send() -> None:
    pass
