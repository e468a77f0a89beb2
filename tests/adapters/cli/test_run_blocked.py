"""A stop signal ends a process whose event loop a job blocks for ever."""

from __future__ import annotations

import signal

import pytest

from pg_scheduler.queries import Queries
from tests.adapters.cli.apps import Shop
from tests.support.processes import alive
from tests.support.running import eventually

BLOCKED = """
import time

from pg_scheduler.process import signals
from shop import app, note

signals.LAST_PATIENCE = 0.3  # only to wait less


def main():
    pgq = app()

    @pgq.entrypoint("stuck")
    async def stuck(job):
        note("stuck")
        while True:
            time.sleep(0.05)

    return pgq
"""


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_signal_ends_a_blocked_process_past_its_grace(
    shop: Shop, queries: Queries, processes: int
) -> None:
    shop.write("blocked", BLOCKED)
    await queries.install()
    await queries.enqueue(["stuck"] * processes)
    arguments = ("--processes", str(processes), "--concurrency", "1", "--shutdown-timeout", "0.2")
    async with shop.run("blocked.main", *arguments) as run:
        await eventually(lambda: shop.notes.count("stuck") == processes)
        run.send(signal.SIGTERM)
        assert await run.ended() == 1, run.err
    assert run.err.count("the process is ended by force") == processes
    assert not any(alive(pid) for pid in shop.pids())


async def test_a_process_that_only_takes_its_time_is_left_alone(shop: Shop, queries: Queries) -> None:
    shop.write("blocked", BLOCKED)
    await queries.install()
    async with shop.worker("blocked.main", "--shutdown-timeout", "60") as run:
        await queries.enqueue("nap", b"1.5")
        await eventually(lambda: "napping" in shop.notes)
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err
    assert "woke" in shop.notes
