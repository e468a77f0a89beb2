"""What changes is told to open pages, once for all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_web import live
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.live import Changes
from pg_scheduler_web.screen import Topic
from tests.adapters.web.browsing import Browser


@pytest.fixture(autouse=True)
def _looks_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK", 3600.0)
    monkeypatch.setattr(live, "DEBOUNCE", 0.01)


@pytest.fixture
def changes(scheduler: Scheduler) -> Changes:
    return Changes(Desk(scheduler, ()))


async def _listening(scheduler: Scheduler, number: int = 1) -> MemoryDriver:
    driver = scheduler.driver
    assert isinstance(driver, MemoryDriver)
    async with asyncio.timeout(5):
        while len(driver.state.listeners) != number:
            await asyncio.sleep(0)
    return driver


async def test_a_stored_job_is_told_to_every_page_over_one_connection(
    scheduler: Scheduler, changes: Changes
) -> None:
    followers = [changes.join() for _ in range(100)]
    await _listening(scheduler)
    await scheduler.enqueue("mail.send", "ada")
    async with asyncio.timeout(5):
        for follower in followers:
            assert Topic.JOBS in await follower.next()
    for follower in followers:
        changes.leave(follower)
    await _listening(scheduler, 0)


async def test_each_signal_has_its_topic(scheduler: Scheduler, changes: Changes) -> None:
    follower = changes.join()
    driver = await _listening(scheduler)
    for kind in SignalKind:
        driver.state.signal(kind)
        async with asyncio.timeout(5):
            assert await follower.next() == live._TOPICS[kind]
    changes.leave(follower)


async def test_signals_close_together_are_one(scheduler: Scheduler, changes: Changes) -> None:
    follower = changes.join()
    driver = await _listening(scheduler)
    for kind in (SignalKind.WORKER, SignalKind.SCHEDULE, SignalKind.WORKER):
        driver.state.signal(kind)
    async with asyncio.timeout(5):
        assert await follower.next() == {Topic.WORKERS, Topic.SCHEDULES}
    changes.leave(follower)


async def test_a_silent_stream_says_that_it_lives(changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT", 0.01)
    follower = changes.join()
    assert await follower.next() == set()
    changes.leave(follower)


async def test_where_nothing_signals_there_is_a_look_now_and_then(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK", 0.01)
    follower = changes.join()
    async with asyncio.timeout(5):
        assert await follower.next() == set(Topic)
    changes.leave(follower)


async def test_a_hundred_tabs_ask_no_more_than_one(scheduler: Scheduler, browser: Browser) -> None:
    asked: Counter[str] = Counter()
    insight: Any = scheduler.driver.insight
    workload = insight.workload

    async def counted(*given: Any, **more: Any) -> Any:
        asked["workload"] += 1
        return await workload(*given, **more)

    insight.workload = counted

    async def look() -> None:
        answer = await browser.client.get("/queues", headers={"live-regions": "queues"})
        assert answer.status_code == 200

    await asyncio.gather(*(look() for _ in range(100)))
    assert asked["workload"] == 1
    await browser.get("/queues")
    assert asked["workload"] == 2, "who loads a page sees what is there"
    scheduler.driver.insight.workload = workload  # type: ignore[method-assign]


async def test_what_is_changed_here_is_seen_at_once(scheduler: Scheduler, browser: Browser) -> None:
    await scheduler.enqueue("mail.send", "ada")
    live_headers = {"live-regions": "queues"}
    assert "paused" not in (await browser.client.get("/queues", headers=live_headers)).text
    await browser.submit((await browser.get("/queues")).form("/queues/pause"))
    assert "paused" in (await browser.client.get("/queues", headers=live_headers)).text


async def test_the_stream_is_of_events(scheduler: Scheduler) -> None:
    events = live._events(live.changes_of(Desk(scheduler, ())))
    assert await anext(events) == "retry: 3000\n\n"
    waiting = asyncio.ensure_future(anext(events))
    await _listening(scheduler)
    await scheduler.enqueue("mail.send", "ada")
    assert await waiting == "event: changed\ndata: jobs queues\n\n"
    await events.aclose()  # type: ignore[attr-defined]
    await _listening(scheduler, 0)
