"""What `pgq run` puts around an application: event loop, logging, processes for CPU work."""

from __future__ import annotations

import importlib.util
import os

import pytest

from pg_scheduler.queries import Queries
from tests.adapters.cli.apps import Shop

CURIOUS = """
import asyncio
import logging
import os

import shop


def cpu_work(job):
    shop.note(f"parent{os.getppid()}")


def main():
    pgq = shop.app()
    pgq.entrypoint("cpu", executor="process")(cpu_work)

    @pgq.entrypoint("which")
    async def which(job):
        shop.note(type(asyncio.get_running_loop()).__module__)

    @pgq.entrypoint("fail")
    async def fail(job):
        logging.getLogger("shop").info("asked", extra={"colour": "red"})
        raise LookupError("not at postgresql://me:hush-hush@host/x")

    return pgq
"""


@pytest.fixture(autouse=True)
def _module(shop: Shop) -> None:
    shop.write("curious", CURIOUS)


async def test_uvloop_is_used_where_it_is_installed_and_never_needed(shop: Shop, queries: Queries) -> None:
    await queries.enqueue("which")
    async with shop.run("curious.main", "--drain") as run:
        assert await run.ended() == 0, run.err
    shop.write("shim.uvloop", "raise ImportError('not here')")
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join(filter(None, [str(shop.folder / "shim"), before]))
    await queries.enqueue("which")
    async with shop.run("curious.main", "--drain", PYTHONPATH=path) as run:
        assert await run.ended() == 0, run.err
    installed = importlib.util.find_spec("uvloop") is not None
    assert shop.notes == ["uvloop" if installed else "asyncio.unix_events", "asyncio.unix_events"]


async def test_the_log_shows_the_facts_of_a_record_and_no_password(shop: Shop, queries: Queries) -> None:
    (job,) = await queries.enqueue("fail")
    async with shop.run("curious.main", "--drain") as run:
        assert await run.ended() == 0, run.err
    assert f"job_id={job}" in run.err
    assert "INFO" in run.err
    assert "shop: asked colour=red" in run.err
    assert "LookupError: not at postgresql://me:***@host/x" in run.err
    assert "hush" not in run.err


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_cpu_work_finds_its_function_in_the_current_folder(
    shop: Shop, queries: Queries, processes: str
) -> None:
    await queries.enqueue("cpu")
    async with shop.run("curious.main", "--drain", "--processes", processes) as run:
        assert await run.ended() == 0, run.err
    (noted,) = shop.notes
    assert noted.startswith("parent")
    assert int(noted.removeprefix("parent")) not in shop.pids(), "it ran in a process of its own"
