"""Every handle, and each of the cases."""

from __future__ import annotations

import pytest

from pg_scheduler import Queries, Scheduler, SyncScheduler
from tests.adapters.handles.cases import CASES, used_by_another_task
from tests.adapters.handles.held import BLOCKING, HANDLES
from tests.support.running import past

OFTEN = ("asyncpg", "psycopg AsyncConnection", "AsyncSession over asyncpg", "Session")
"""Those of `make test`."""


async def mail() -> None: ...


def _handles(names: dict[str, object]) -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.slow] * (name not in OFTEN)) for name in names]


@pytest.fixture
async def installed(dsn: str) -> str:
    """A database with the tables."""
    async with Queries(dsn) as queries:
        await queries.install()
    return dsn


@pytest.mark.parametrize("handle", _handles({**HANDLES}))
async def test_a_handle_stands_every_case(handle: str, installed: str) -> None:
    scheduler = Scheduler(installed)

    async def store(job_id: str, connection: object) -> object:
        return await scheduler.schedule(mail, execution_time=past(), job_id=job_id, connection=connection)

    for case in (*CASES, used_by_another_task):
        await case(HANDLES[handle], store, installed)
    await scheduler.shutdown()


@pytest.mark.parametrize("handle", _handles({**BLOCKING}))
async def test_a_blocking_handle_stands_every_case_without_an_event_loop(handle: str, installed: str) -> None:
    with SyncScheduler(installed) as scheduler:

        async def store(job_id: str, connection: object) -> object:
            return scheduler.schedule(mail, job_id=job_id, connection=connection)

        for case in CASES:
            await case(BLOCKING[handle], store, installed)
