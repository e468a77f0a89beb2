"""What the Python workers of this folder share: the roles of producers."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from benchmarks import loop
from benchmarks.progress import Progress, say, wait_for_line

Role = Callable[[dict[str, Any]], Awaitable[None]]
Store = Callable[[range], Awaitable[Any]]
"""Stores the jobs of these numbers."""


async def store_all(jobs: int, size: int, store: Store, progress: Progress | None = None) -> None:
    """Store so many jobs, as many at a time, counting those that are stored."""
    progress = progress or Progress()
    progress.started()
    for begin in range(0, jobs, size):
        places = range(begin, min(begin + size, jobs))
        await store(places)
        progress.finished(len(places))


async def store_when_told(jobs: int, size: int, store: Store) -> None:
    """The same from the barrier on, after one job for plans and caches."""
    await store(range(1))
    progress = Progress()
    async with progress.until_told():
        await store_all(jobs, size, store, progress)


async def send_when_told(send: Callable[[], Awaitable[Any]]) -> None:
    """Store a job for each line that is told, and tell when the call began and when it returned."""
    print("ready", flush=True)
    done = 0
    while await wait_for_line():
        called = time.monotonic()
        await send()
        returned, done = time.monotonic(), done + 1
        say(done=done, called=called, returned=returned)


async def until_input_ends() -> None:
    """Wait for whoever started this process to close its standard input."""
    while await wait_for_line():
        pass


def play(roles: Mapping[str, Role]) -> None:
    """Run the role that the settings on the command line name; "check" tells that all could be imported."""
    settings = json.loads(sys.argv[1])

    async def chosen() -> None:
        if settings["role"] != "check":
            await roles[settings["role"]](settings)

    loop.run(chosen())
