"""The second event loop: it ends when told to, however early."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from pg_scheduler.engine.leases import loop_thread
from pg_scheduler.engine.leases.loop_thread import LoopThread
from tests.support.running import eventually, within


def alive(name: str) -> bool:
    return any(one.name == name for one in threading.enumerate())


async def endless() -> None:
    await asyncio.Event().wait()


async def test_stopping_right_after_the_start_ends_the_thread() -> None:
    """Before its loop exists there is nothing to cancel yet."""
    for _ in range(50):
        thread = LoopThread("early", endless)
        thread.start()
        await within(thread.stop(), 5)
        assert not alive("early")


async def test_stopping_a_running_thread_ends_it_and_may_be_repeated() -> None:
    running = threading.Event()

    async def main() -> None:
        running.set()
        await endless()

    thread = LoopThread("running", main)
    thread.start()
    await eventually(running.is_set)
    await within(thread.stop(), 5)
    await within(thread.stop(), 5)
    assert not alive("running")


async def test_a_cancellation_that_gets_lost_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_thread, "CANCEL_AGAIN", 0.1)
    running = threading.Event()

    async def main() -> None:
        running.set()
        with contextlib.suppress(asyncio.CancelledError):
            await endless()
        await endless()

    thread = LoopThread("forgetful", main)
    thread.start()
    await eventually(running.is_set)
    await within(thread.stop(), 5)
    assert not alive("forgetful")


async def test_what_the_coroutine_raises_comes_to_whoever_waits() -> None:
    async def fails() -> None:
        raise KeyError("from the thread")

    thread = LoopThread("failing", fails)
    thread.start()
    with pytest.raises(KeyError, match="from the thread"):
        await within(thread.ended(), 5)
    await within(thread.stop(), 5)
