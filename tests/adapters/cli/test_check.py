"""`pgq check`: what a deploy would meet and change, without a change."""

from __future__ import annotations

import json
import sys

import asyncpg
import pytest

from pg_scheduler import Job, PgQueuer, Scheduler
from tests.adapters.cli.apps import Shop
from tests.adapters.cli.conftest import run

APP = """
import os
from pg_scheduler import Scheduler

async def mail(to: str, *, urgent: bool) -> None: ...

def main():
    scheduler = Scheduler(os.environ["SHOP_DSN"])
    scheduler.register(mail, name="mail")
    return scheduler
"""


@pytest.fixture
def library() -> str:
    return "asyncpg"


async def test_what_would_be_stranded_is_told_and_nothing_is_written(
    shop: Shop, dsn: str, sql: asyncpg.Connection
) -> None:
    shop.write("deploy", APP)

    async def check(*options: str) -> tuple[int, str, str]:
        said = await run(
            sys.executable, "-c", "import os, sys; os.chdir(sys.argv[1]); sys.argv[0:2] = ['pgq']\n"
            "sys.path.insert(0, ''); from pg_scheduler_cli.main import main; main()",
            str(shop.folder), "check", "deploy.main", *options, SHOP_DSN=dsn,
        )  # fmt: skip
        return said.code, said.out, said.err

    code, out, err = await check()
    assert (code, "not installed" in out, err) == (0, True, "")
    assert await sql.fetchval("SELECT to_regclass('scheduled_jobs')") is None
    async with Scheduler(dsn) as before:
        await before.client.pause_task("mail", True)
        await before.client.pause_task("gone", True)
        before.register(_mail, name="mail")
        before.register(_gone, name="gone")
        await before.enqueue(_mail, "ada", urgent=True)
        await before.enqueue(_mail, "ada")
        await before.enqueue(_gone)
        await before.enqueue(_gone)
    written = await sql.fetchval("SELECT txid_snapshot_xmax(txid_current_snapshot())")
    code, out, _ = await check("--json")
    told = json.loads(out)
    assert (code, told["bad"], [(one["task_name"], one["count"]) for one in told["stranded"]]) == (
        1, True, [("gone", 2), ("mail", 1)],
    )  # fmt: skip
    assert "missing a required" in told["stranded"][1]["why"]
    assert "stranded   1 jobs of mail" in (await check("--only-known"))[1]
    assert await sql.fetchval("SELECT txid_snapshot_xmax(txid_current_snapshot())") == written


async def test_schedules_and_limits_that_would_change_are_told(dsn: str) -> None:
    def app(limit: int | None, cron: str, second: bool) -> PgQueuer:
        made = PgQueuer(dsn)
        made.entrypoint("mail", concurrency_limit=limit)(_entry)
        made.schedule("report", cron)(_report)
        if second:
            made.schedule("audit", "0 5 * * *")(_report)
        return made

    async with app(None, "0 3 * * *", True):
        pass
    after = app(2, "0 4 * * *", False)
    found = await after.scheduler.compare_with_store()
    assert [(one.task_name, one.after.concurrency) for one in found.limits] == [("mail", 2)]
    assert [(one.change, one.key, one.next_after is None) for one in found.schedules] == [
        ("added", "report 0 4 * * *", False),
        ("unknown", "audit 0 5 * * *", True),
        ("retired", "report 0 3 * * *", True),
    ]
    assert (found.stranded, found.readable) == ((), True)
    await after.shutdown()


async def _mail(to: str, *, urgent: bool = False) -> None: ...


async def _gone() -> None: ...


async def _entry(job: Job) -> None: ...


async def _report(schedule: object) -> None: ...
