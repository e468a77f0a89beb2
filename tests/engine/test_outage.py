"""While the database is away, one service of a worker tries to reach it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, ReadOnlyServer
from pg_scheduler.engine.outage import PATIENCE, Outage
from pg_scheduler.engine.service import MAX_PAUSE_WITHOUT_DATABASE, keep_running
from pg_scheduler.testing import ManualClock

SERVICES = 8


class Away:
    """A database that is away, services that want it, and how often each of them tried."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.tried: Counter[str] = Counter()
        self.answers: Exception | None = ConnectionLost("away")
        self.outage = Outage(self.clock, lambda: self.ask("reach"))
        self.services: list[asyncio.Task[None]] = []

    async def ask(self, name: str) -> None:
        self.tried[name] += 1
        if self.answers is not None:
            raise self.answers

    def start(self) -> None:
        for number in range(SERVICES):
            self.services.append(asyncio.create_task(self._serve(f"service {number}")))

    async def _serve(self, name: str) -> None:
        async def one_round() -> None:
            await self.ask(name)
            await self.clock.sleep(60)

        await keep_running(name, one_round, self.clock, wait_for_database=self.outage.wait)

    def end(self) -> None:
        for service in self.services:
            service.cancel()


@pytest.fixture
def away() -> Away:
    return Away()


@pytest.mark.parametrize("error", [ConnectionLost("away"), ReadOnlyServer("a standby is left")])
async def test_one_tries_for_all_and_all_go_on_when_it_is_back(away: Away, error: Exception) -> None:
    away.answers = error
    away.start()
    await away.clock.advance(60)
    assert 60 / MAX_PAUSE_WITHOUT_DATABASE <= away.tried["reach"] <= 60 / MAX_PAUSE_WITHOUT_DATABASE * 2 + 5
    assert [away.tried[f"service {number}"] for number in range(SERVICES)] == [1] * SERVICES
    away.answers = None
    await away.clock.advance(MAX_PAUSE_WITHOUT_DATABASE)
    assert [away.tried[f"service {number}"] for number in range(SERVICES)] == [2] * SERVICES
    away.end()


async def test_who_tries_may_be_ended_and_another_goes_on(away: Away) -> None:
    away.start()
    await away.clock.advance(5)
    away.services[0].cancel()
    before = away.tried["reach"]
    await away.clock.advance(10)
    assert away.tried["reach"] > before + 3
    assert away.tried["service 1"] == 2
    away.end()


async def _hangs() -> None:
    await asyncio.Event().wait()


async def _refuses() -> None:
    raise DatabaseError("no such table")


@pytest.mark.parametrize("reach", [_hangs, _refuses])
async def test_where_nobody_can_tell_each_tries_itself(
    away: Away, reach: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PATIENCE < 5
    monkeypatch.setattr("pg_scheduler.engine.outage.PATIENCE", 0.01)
    away.outage = Outage(away.clock, reach)
    away.start()
    await away.clock.advance(1)
    await asyncio.sleep(0.2)
    await away.clock.advance(1)
    assert away.tried["service 7"] > 1
    away.end()
