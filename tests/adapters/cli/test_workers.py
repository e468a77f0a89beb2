"""`pgq workers`: who runs jobs, and how one of them is taken out of service."""

from __future__ import annotations

import json

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.queries import Queries
from tests.adapters.cli.conftest import Pgq
from tests.support.running import eventually


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


@pytest.fixture(autouse=True)
async def _tables(queries: Queries) -> None:
    """Commands make none."""
    await queries.install()


async def test_where_nobody_works_that_is_said(pgq: Pgq) -> None:
    said = await pgq("workers", "list")
    assert (said.code, said.out) == (0, "No worker runs.\n")
    assert json.loads((await pgq("workers", "list", "--json")).out) == []


async def test_a_worker_is_shown_and_taken_out_of_service(pgq: Pgq, dsn: str) -> None:
    scheduler = Scheduler(dsn, 4, queues={"mail": 3, "bulk": None}, app_version="1.4")
    for name in ("a", "b", "c", "d"):
        scheduler.register(_nothing, name=name)
    async with scheduler:
        worker_id, active = scheduler.worker_id, scheduler.worker.services.active
        await scheduler.worker.services.lease_keeper.renew_now()
        headings, line = (await pgq("workers", "list")).out.splitlines()
        assert headings.split() == [
            "WORKER", "HOST", "PID", "VERSION", "STATE", "RUNNING", "OLDEST", "QUEUES", "TASKS", "SEEN",
        ]  # fmt: skip
        for shown in (worker_id, "1.4", "working", "0/4", "bulk,mail:3", "a,b,c"):
            assert shown in line.split()
        assert (await pgq("workers", "quiet", worker_id[:6])).out == (
            f"{worker_id} claims no more; what runs goes on\n"
        )
        await eventually(lambda: active.room == 0)
        (shown,) = json.loads((await pgq("workers", "list", "--json")).out)
        assert (shown["id"], shown["wish"], shown["capacity"]) == (worker_id, "quiet", 4)
        again = await pgq("workers", "quiet", worker_id)
        assert again.out.endswith("(it was asked before)\n")
        resumed = json.loads((await pgq("workers", "resume", worker_id, "--json")).out)
        assert resumed == [{"id": worker_id, "answer": "changed"}]
        await eventually(lambda: active.room > 0)
        wrong = await pgq("workers", "stop", f"{worker_id}x")
        assert (wrong.code, wrong.out) == (1, "")
        assert wrong.err == f"pgq: no worker '{worker_id}x'; did you mean '{worker_id}'?\n"
        await pgq("workers", "stop", worker_id)
        await eventually(lambda: not scheduler.is_running)


async def _nothing() -> None:
    pass
