"""Who a worker is."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def in_a_fork(ask: Callable[[], str]) -> str:
    """What a forked process answers."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, ask().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_is_somebody_else() -> None:
    """A server that preloads makes the scheduler once, and its children start it."""
    scheduler = Scheduler(MemoryDriver())
    parent, built = scheduler.worker_id, scheduler.worker
    children = [in_a_fork(lambda: f"{scheduler.worker_id} {scheduler.worker.worker_id}") for _ in range(2)]
    identities = {parent, *(child.split()[0] for child in children)}
    assert len(identities) == 3
    assert all(child.split()[0] == child.split()[1] for child in children)
    assert (scheduler.worker_id, scheduler.worker) == (parent, built)
