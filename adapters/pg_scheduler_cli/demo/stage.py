"""The processes of the demo, and what is printed of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from typing import Any

WORKERS = ("ada", "grace", "edsger")
QUIET = frozenset({"newsletter"})
"""Tasks of which only every hundredth job is shown."""
TOLD = {
    "complete": "completed",
    "retry": "failed, will retry",
    "fail": "failed for good",
    "confirm cancel": "stopped on request",
    "release": "released",
    "snooze": "snoozed",
}


class Stage:
    """Starts processes, prints what they tell, and ends them all."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._began = time.monotonic()
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._told: Counter[str] = Counter()
        self._owners: dict[str, str] = {}
        self._heard = asyncio.Event()

    def say(self, who: str, what: str) -> None:
        """One line of the story."""
        print(f"{time.monotonic() - self._began:6.2f}s  {who:<9} {what}", flush=True)

    async def start(self, name: str, module: str, *arguments: str) -> asyncio.subprocess.Process:
        """Start a process and print what it tells from now on."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"pg_scheduler_cli.demo.{module}",
            self.dsn,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
        )
        self._processes[name] = process
        self._readers.append(asyncio.create_task(self._read(process)))
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with contextlib.suppress(ValueError):
                self._tell(json.loads(line))

    def _tell(self, told: dict[str, Any]) -> None:
        who, what, task = told["who"], told["what"], told.get("task")
        if task is None:
            self.say(who, what)
        elif what == "starts":
            self._owners[told["job"]] = who
            if task not in QUIET:
                again = f" (attempt {told['attempt']})" if told["attempt"] > 1 else ""
                self.say(who, f"starts {task}{again}")
        else:
            self._told[task] += 1
            error = f": {told['error'].splitlines()[0]}" if told["error"] else ""
            if task not in QUIET:
                self.say(who, f"{TOLD.get(what, what)}: {task} after {told['seconds']:.2f} s{error}")
            elif self._told[task] % 100 == 0:
                self.say(who, f"{self._told[task]} jobs of {task} completed so far")
        self._heard.set()

    async def owner_of(self, job_id: str) -> str:
        """The worker that started a job; waits until one did."""
        while job_id not in self._owners:
            self._heard.clear()
            await self._heard.wait()
        return self._owners[job_id]

    def kill(self, name: str) -> None:
        """End a process without a goodbye."""
        self._processes.pop(name).kill()

    async def close(self) -> None:
        """End every process; none is left behind."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self._processes.values():
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
        self._processes.clear()
        await asyncio.gather(*self._readers, return_exceptions=True)
