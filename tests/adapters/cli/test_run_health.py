"""`pgq run --health-port`: what a supervisor hears, whatever the worker does."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.errors import ConnectionLost
from pg_scheduler.events import RoundFailed
from pg_scheduler.queries import Queries
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_cli.health_server import HealthServer
from pg_scheduler_cli.vital_signs import KEEPER, LONGEST_BLOCK, VitalSigns
from pg_scheduler_cli.worker_pages import pages_of
from tests.adapters.cli.apps import Run, Shop
from tests.support.running import eventually


@pytest.fixture
def library() -> str:
    return "asyncpg"


async def got(port: int, page: str) -> tuple[int, str]:
    """Status and body."""

    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(get)


async def port_of(run: Run) -> int:
    await run.said("health port: ")
    (port,) = re.findall(r"health port: (\d+)", run.err)
    return int(port)


async def test_it_is_live_and_ready_and_no_longer_ready_once_it_stops(shop: Shop, queries: Queries) -> None:
    async with shop.worker("shop.main", "--health-port", "0", "--log-format", "json") as run:
        port = await port_of(run)
        await queries.enqueue("nap")
        await eventually(lambda: "napping" in shop.notes)
        assert await got(port, "/livez") == (
            200, '{"ok": true, "text": "the event loop turns, leases are renewed"}\n',
        )  # fmt: skip
        assert (await got(port, "/readyz"))[0] == 200
        assert "pg_scheduler_worker_up 1.0" in (await got(port, "/metrics"))[1]
        assert (await got(port, "/%00<b>"))[0] == 404
        run.send(signal.SIGTERM)
        await run.said("stop signal received")
        status, text = await got(port, "/readyz")
        assert (status, "stopping" in text) == (503, True)
        assert (await got(port, "/livez"))[0] == 200
        assert (await got(port, "/metrics"))[0] == 200, "one that is dying is scraped like any other"
        shop.wake_all()
        assert await run.ended() == 0, run.err
    lines = [json.loads(line) for line in run.err.splitlines()]
    (banner,) = (line for line in lines if " works on database " in line["message"])
    assert "queues: all; tasks: bill, mail, nap" in banner["message"]
    (ended,) = (line for line in lines if line.get("outcome"))
    assert (ended["task"], ended["outcome"], ended["attempt"]) == ("nap", "completed", 1)


@pytest.mark.slow
async def test_several_processes_answer_at_one_port(shop: Shop, queries: Queries) -> None:
    async with shop.run("shop.main", "--health-port", "0", "--processes", "2") as run:
        port = await port_of(run)
        await run.said("a worker process is ready", 2)
        status, text = await got(port, "/readyz")
        assert (status, set(json.loads(text)["processes"])) == (200, {"0", "1"})
        metrics = (await got(port, "/metrics"))[1]
        assert all(f'pg_scheduler_worker_up{{process="{place}"}} 1.0' in metrics for place in "01")
        assert metrics.count("# TYPE pg_scheduler_worker_up") == 1
        run.send(signal.SIGTERM)
        assert await run.ended() == 0, run.err


async def test_a_port_that_is_taken_is_said(shop: Shop) -> None:
    with HealthServer({}, port=0) as taken:
        port = taken.port
        async with shop.run("shop.main", "--health-port", str(port)) as run:
            assert await run.ended() == 2
    assert f"--health-port {port}: Address already in use" in run.err


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def watched() -> Any:
    scheduler, clock = Scheduler(MemoryDriver()), Clock()
    signs = VitalSigns(scheduler, clock)
    yield scheduler, clock, signs
    signs.end()
    await scheduler.shutdown()


async def test_a_blocked_loop_is_dead(watched: Any) -> None:
    scheduler, clock, signs = watched
    await scheduler.start()
    await eventually(lambda: signs.ready().text != "the worker has not started")
    clock.now += LONGEST_BLOCK
    assert signs.live().good
    clock.now += 0.1
    assert signs.live().text == "the event loop has been blocked for 10 s"
    assert not signs.ready().good


async def test_leases_that_nobody_even_tries_to_renew_are_a_death(watched: Any) -> None:
    scheduler, clock, signs = watched
    await scheduler.start()
    clock.now += scheduler.lease.total_seconds() + 0.1
    signs._turned = clock.now
    assert signs.live().text.startswith("no lease has been renewed")


async def test_a_database_that_is_away_is_no_death_but_nobody_is_ready(watched: Any) -> None:
    scheduler, _, signs = watched
    await scheduler.start()
    signs.observe(RoundFailed(KEEPER, ConnectionLost("cut")))
    ready = await asyncio.to_thread(signs.ready)
    assert (ready.good, "leases are not renewed: ConnectionLost: cut" in ready.text) == (False, True)
    assert signs.live().good
    signs.pass_finished(KEEPER)
    assert (await asyncio.to_thread(signs.ready)).good


async def test_what_the_program_counts_itself_is_not_counted_twice(watched: Any) -> None:
    scheduler, _, signs = watched
    before = len(scheduler.observers)
    pages = pages_of(signs, scheduler)
    again = pages_of(signs, scheduler)
    assert (len(scheduler.observers), set(pages)) == (before + 1, set(again))
