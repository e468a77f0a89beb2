"""Who a worker is."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pg_scheduler import AlreadyStarted, Scheduler
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


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
async def test_what_a_parent_has_started_does_not_run_in_its_child() -> None:
    async with Scheduler(MemoryDriver()) as scheduler:

        def changed() -> str:
            scheduler.reconfigure(lease=60)
            return scheduler.worker.worker_id

        assert in_a_fork(changed) not in ("", scheduler.worker_id)
        assert in_a_fork(lambda: scheduler.worker.worker_id) not in ("", scheduler.worker_id)
        with pytest.raises(AlreadyStarted):
            scheduler.reconfigure(lease=60)


async def test_settings_can_change_again_after_a_start_that_failed() -> None:
    scheduler = Scheduler(MemoryDriver())
    with pytest.raises(ZeroDivisionError), scheduler._host.starting():
        raise ZeroDivisionError
    scheduler.reconfigure(lease=60)
