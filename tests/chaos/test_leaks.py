"""What a scenario leaves behind is seen."""

from __future__ import annotations

import asyncio
import threading

import asyncpg
import pytest

from tests.chaos import leaks
from tests.chaos.leaks import Present, left_behind


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "PATIENCE", 0.0)


async def test_a_connection_with_its_advisory_lock_is_seen(dsn: str) -> None:
    before = Present.now()
    culprit = await asyncpg.connect(dsn)
    await culprit.execute("SELECT pg_advisory_lock(1)")
    left = await left_behind(dsn, before)
    await culprit.close()
    assert [what.partition(" (")[0] for what in left] == ["1 connections", "1 advisory locks"]


async def test_a_thread_and_a_task_are_seen_and_what_was_there_before_is_not(dsn: str) -> None:
    before, end = Present.now(), threading.Event()
    thread = threading.Thread(target=end.wait, name="left over")
    thread.start()
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    left = await left_behind(dsn, before)
    assert left == ["threads ['left over']", "tasks ['forgotten']"]
    assert await left_behind(dsn, Present.now()) == []
    end.set()
    thread.join()
    task.cancel()
