"""A scheduler that was made before a fork, as by a server that loads its program before it forks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pg_scheduler.client.source import Library

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("made", "opened", "processes", "connecting")]


@pytest.mark.parametrize("stage", ["running", "left", *SLOW])
def test_each_process_has_a_worker_and_connections_of_its_own(dsn: str, library: Library, stage: str) -> None:
    # Python itself warns of sockets that an event loop left open when it was closed.
    strict = ["-W", "error", "-W", "ignore::ResourceWarning"]
    program = [sys.executable, *strict, "-m", "tests.support.forking", dsn, library, stage]
    done = subprocess.run(program, capture_output=True, text=True, timeout=90, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


IN_A_THREAD = """
import asyncio, gc, os, sys, threading
from pg_scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver

scheduler, runs = Scheduler(MemoryDriver()), threading.Event()

async def parent():
    await scheduler.start()
    await asyncio.sleep(0)
    runs.set()
    await asyncio.Event().wait()

async def child():
    async with scheduler:
        gc.collect()

threading.Thread(target=asyncio.run, args=(parent(),), daemon=True).start()
runs.wait()
if (pid := os.fork()) == 0:
    asyncio.run(child())
    sys.exit()
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_what_its_parent_runs_is_not_taken_apart_in_a_fork() -> None:
    # From Python 3.12 on it warns of forks beside threads.
    program = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", IN_A_THREAD]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
