"""A dashboard over this process' memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_web import live
from tests.adapters.web.browsing import Browser


async def send(*given: object, **more: object) -> None:
    """A task."""
    if "nobody" in given:
        raise ValueError("nobody is there")


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    made = Scheduler(MemoryDriver())
    made.register(send, name="mail.send")
    yield made
    await made.shutdown()


@pytest.fixture
def browser(scheduler: Scheduler) -> Browser:
    """Somebody who may do everything."""
    return Browser.of(scheduler)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "DEBOUNCE", 0.0)
