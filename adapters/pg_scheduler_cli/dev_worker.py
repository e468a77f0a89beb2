"""The worker of `pgq dev`: runs in a process of its own, and anew whenever the code changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.child import Child

STOP_PATIENCE = 10.0
"""Seconds in which it has to end before it is killed."""
SEEN_WITHIN = 10.0
"""Seconds in which a worker that has started shows up in its database."""
ELSEWHERE = (
    "pgq: the application runs, but on another database: let it take its connection string from "
    "$DATABASE_URL, as Scheduler.from_env() does"
)


async def works_here(scheduler: Scheduler, pid: int) -> bool:
    """Whether a worker of this process appears in the database."""
    async with asyncio.timeout(SEEN_WITHIN):
        while True:
            try:
                if any(worker.pid == pid for worker in await scheduler.workers()):
                    return True
            except PgSchedulerError:
                return True  # nobody can tell
            await asyncio.sleep(0.2)


class DevWorker:
    """Runs a command that is a child of ours (`pgq run --child`).

    Args:
        command: what to run.
        folder: its Python files are watched.
        here: tells whether the worker of a process works on the database that it should.
    """

    def __init__(self, command: Sequence[str], folder: Path, here: Callable[[int], Awaitable[bool]]) -> None:
        self._command = command
        self._folder = folder
        self._here = here
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. A worker that has ended by itself, for an error in the code above all, begins anew
        with the next change."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                await self._run_once()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        from watchfiles import PythonFilter, awatch

        async for changes in awatch(self._folder, watch_filter=PythonFilter()):
            names = ", ".join(sorted({Path(path).name for _, path in changes})[:5])
            click.echo(f"pgq: {names} changed: starting anew", err=True)
            self._changed.set()

    async def _run_once(self) -> None:
        self._changed.clear()
        child = await Child.start(self._command)
        gone = asyncio.create_task(child.gone())
        looking = asyncio.create_task(self._look(child))
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({gone, changed}, return_when=asyncio.FIRST_COMPLETED)
            if not changed.done():
                click.echo(f"pgq: the worker has ended ({gone.result()}): it waits for a change", err=True)
                await changed
        finally:
            looking.cancel()
            changed.cancel()
            await _end(child, gone)

    async def _look(self, child: Child) -> None:
        if not await child.became_ready():
            return
        try:
            await self._here(child.pid)
        except TimeoutError:
            click.echo(ELSEWHERE, err=True)


async def _end(child: Child, gone: asyncio.Task[int]) -> None:
    """Let it end: its running jobs get a moment, then they are given back."""
    for ask in (child.stop, child.force_stop, child.kill):
        ask()
        await asyncio.wait({gone}, timeout=STOP_PATIENCE / 2)
        if gone.done():
            return
