"""Words to other workers: nobody depends on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.engine.announcer import Announcer
from pg_scheduler.ports.signals import Looked
from pg_scheduler.testing import MemoryDriver

JOBS, LATER, LEASES = Looked("me", "x"), Looked("me", "x", 5.0), Looked("me", "", leases_end_in=1.0)


@asynccontextmanager
async def announcing(driver: MemoryDriver) -> AsyncIterator[Announcer]:
    """One that works; and has worked off what it has been given, at the end of the block."""
    one = Announcer(driver.signals)

    async def serve() -> None:
        while True:
            await one.one_round()

    service = asyncio.create_task(serve())
    try:
        yield one
        for _ in range(10):
            await asyncio.sleep(0)
        assert not service.done()
    finally:
        service.cancel()


async def test_of_words_about_the_same_the_last_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, sent = MemoryDriver(), list[Looked]()

    async def tell(looked: Looked) -> None:
        sent.append(looked)

    monkeypatch.setattr(driver.signals, "tell_looked", tell)
    async with announcing(driver) as one:
        for word in (JOBS, LEASES, LATER):
            one.announce(word)
    assert sorted(map(str, sent)) == sorted(map(str, (LATER, LEASES)))


async def test_a_word_that_cannot_be_sent_is_dropped_and_the_next_one_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver, sent = MemoryDriver(), list[Looked]()

    async def tell(looked: Looked) -> None:
        if looked == JOBS:
            raise ConnectionLost("gone")
        sent.append(looked)

    monkeypatch.setattr(driver.signals, "tell_looked", tell)
    async with announcing(driver) as one:
        one.announce(JOBS)
        await asyncio.sleep(0)
        one.announce(LATER)
    assert sent == [LATER]
