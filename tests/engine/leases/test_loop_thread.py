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


async def test_what_is_stopped_before_its_loop_runs_never_begins() -> None:
    """There is nothing to cancel yet, so the thread asks before it begins."""
    begun, go_on = threading.Event(), threading.Event()

    async def main() -> None:
        begun.set()
        await endless()

    class Late(threading.Event):
        def set(self) -> None:
            go_on.wait(5)
            super().set()

    thread = LoopThread("late", main)
    thread._started = Late()
    thread.start()
    stopping = asyncio.create_task(thread.stop())
    await asyncio.sleep(0)
    go_on.set()
    await within(stopping, 5)
    assert not begun.is_set()


def test_a_thread_outlives_the_loop_that_started_it_without_a_complaint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    home_is_closed = threading.Event()

    async def main() -> None:
        await asyncio.to_thread(home_is_closed.wait, 5)

    async def start() -> LoopThread:
        thread = LoopThread("survivor", main)
        thread.start()
        return thread

    thread = asyncio.run(start())
    home_is_closed.set()
    thread._thread.join(5)
    assert not alive("survivor")
    assert complaints == []
