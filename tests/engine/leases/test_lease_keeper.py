"""The keeper itself: a loop that is gone, and renewals that nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pg_scheduler import ConnectionLost
from pg_scheduler.engine.claiming.likes import Likes
from pg_scheduler.engine.leases.home_loop import HomeLoopClosed
from pg_scheduler.engine.leases.lease_keeper import LeaseKeeper
from pg_scheduler.engine.leases.worker_report import WorkerReport
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.claimed_ahead import ClaimedAhead
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewAnswer
from pg_scheduler.testing import ManualClock, MemoryDriver
from tests.support.running import eventually

LEASE = timedelta(seconds=1.5)


def keeper_with(
    driver: Any, on_pass: Callable[[str], None] = lambda service: None, **options: Any
) -> LeaseKeeper:
    return LeaseKeeper(
        likes=Likes((), 1),
        driver=cast(Driver, driver),
        worker_id="w",
        clock=ManualClock(),
        lease=LEASE,
        active=ActiveAttempts(1, LEASE, ClaimedAhead(1, ManualClock(), enabled=False)),
        on_lost=lambda lease: None,
        on_cancel=lambda lease: None,
        on_pass=on_pass,
        report=WorkerReport(WorkerSettings(), tuple, lambda: False),
        **options,
    )


@asynccontextmanager
async def keeping(keeper: LeaseKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.keep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_renewal_that_is_not_answered_is_given_up_before_its_lease_ends() -> None:
    """Whatever the library does about it: here it waits for ever."""
    failures: list[Exception] = []

    async def renew(request: object, *, now: object) -> RenewAnswer:
        await asyncio.Event().wait()
        raise AssertionError("nobody answers")

    keeper = keeper_with(SimpleNamespace(jobs=SimpleNamespace(renew=renew)), on_failure=failures.append)
    async with keeping(keeper):
        await eventually(lambda: failures != [])
    assert isinstance(failures[0], ConnectionLost)


async def test_in_a_loop_that_is_closed_nothing_is_renewed_and_nobody_is_told() -> None:
    closed = asyncio.new_event_loop()
    closed.close()
    keeper = keeper_with(MemoryDriver())
    keeper._main_loop, keeper._own_loop = closed, asyncio.get_running_loop()
    with pytest.raises(ConnectionLost, match="event loop is closed"):
        await keeper._renew_in_main_loop()
    with pytest.raises(HomeLoopClosed):
        keeper._tell(print, "of a lost lease")
