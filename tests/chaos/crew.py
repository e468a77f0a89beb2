"""The worker processes: hired, hurt, replaced, and gone at the end whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tests.chaos.journal import ORIGIN, true_time

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
"""Seconds that workers get to shut down before they are killed for good."""


class FaultKind(StrEnum):
    """What was done to a worker."""

    KILL = "kill"
    PAUSE = "pause"
    TERM = "term"
    EXIT = "exit"
    """A job ended its own process."""
    SEIZE = "seize"
    """A job let no other thread of its process run."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One act of damage."""

    kind: FaultKind
    pid: int
    began: float
    """Unix time in seconds."""
    ended: float | None = None
    """When a paused worker went on; None for a killed one, or where the pause still lasts."""


class Instructions(Protocol):
    """What a worker process is told."""

    def text(self) -> str:
        """As one command-line argument."""
        ...


class Crew:
    """A number of workers, kept up by replacement."""

    def __init__(
        self,
        launch: Instructions,
        folder: Path,
        program: str = "tests.chaos.worker",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.launch = launch
        """What the next one is told."""
        self.environment_of: Callable[[int], Mapping[str, str]] = lambda number: environment or {}
        """Of the worker that is hired as the so manieth, beyond the harness's own."""
        self._program = program
        self._folder = folder
        self._hired = 0
        self.members: list[subprocess.Popen[bytes]] = []
        self.leaving: list[subprocess.Popen[bytes]] = []
        """Told to leave, and not gone yet."""
        self.faults: list[Fault] = []
        self.deserted: list[int] = []
        """Pids of workers that ended without being told to."""

    def hire(self, number: int = 1) -> None:
        """Start workers."""
        for _ in range(number):
            self._hired += 1
            log_file = self._folder / f"new-{self._hired}.log"
            with log_file.open("wb") as log:
                command = [sys.executable, "-m", self._program, self.launch.text()]
                # A session of its own: Ctrl-C reaches the harness only, which then cleans up.
                member = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=ROOT,
                    env={**os.environ, "CHAOS_ORIGIN": repr(ORIGIN), **self.environment_of(self._hired)},
                    start_new_session=True,
                )
            log_file.rename(self._folder / f"worker-{member.pid}.log")
            self.members.append(member)

    def replace_deserters(self) -> None:
        """Note workers that ended by themselves, and hire others."""
        for member in [member for member in self.members if member.poll() is not None]:
            _end(member)
            self.members.remove(member)
            self.deserted.append(member.pid)
            self.hire()

    def kill(self, member: subprocess.Popen[bytes]) -> None:
        """SIGKILL a worker and replace it at once."""
        _end(member)
        # Read after its death: all that it wrote in the journal is older.
        self.faults.append(Fault(FaultKind.KILL, member.pid, true_time()))
        self.members.remove(member)
        self.hire()

    def terminate(self, member: subprocess.Popen[bytes]) -> None:
        """SIGTERM a worker; another takes its place at once."""
        self.faults.append(Fault(FaultKind.TERM, member.pid, true_time()))
        member.terminate()
        self.members.remove(member)
        self.leaving.append(member)
        self.hire()

    async def gone(self) -> None:
        """Wait until those that were told to leave have left; who does not in time is a deserter."""
        deadline = time.monotonic() + PATIENCE
        while any(member.poll() is None for member in self.leaving) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        well = (0, -signal.SIGTERM)
        self.deserted += [member.pid for member in self.leaving if member.poll() not in well]
        for member in self.leaving:
            _end(member)
        self.leaving.clear()

    async def pause(self, member: subprocess.Popen[bytes], seconds: float) -> None:
        """SIGSTOP a worker, let it go on after that long (sooner if this is cancelled)."""
        member.send_signal(signal.SIGSTOP)
        fault = Fault(FaultKind.PAUSE, member.pid, true_time())
        position = len(self.faults)
        self.faults.append(fault)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.faults[position] = replace(fault, ended=true_time())
            member.send_signal(signal.SIGCONT)

    async def dismiss(self) -> None:
        """Ask all to shut down properly, so that every verdict still on its way is heard."""
        await self.gone()
        self.replace_deserters()
        for member in self.members:
            member.terminate()
        deadline = time.monotonic() + PATIENCE
        while any(member.poll() is None for member in self.members) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        # One that was still starting up dies of SIGTERM as any program does.
        well = (0, -signal.SIGTERM)
        self.deserted += [member.pid for member in self.members if member.poll() not in well]
        self.disband()

    def disband(self) -> None:
        """End every process now. Legal at any time, and twice."""
        for member in (*self.members, *self.leaving):
            _end(member)
        self.members.clear()
        self.leaving.clear()

    def heard(self, text: str) -> int:
        """How many lines of the workers' logs hold a text."""
        logs = [log.read_text() for log in self._folder.glob("worker-*.log")]
        return sum(text in line for log in logs for line in log.splitlines())

    def complaints(self) -> list[str]:
        """What the workers logged at level ERROR, and the last words of those that ended by themselves."""
        said = []
        for log in sorted(self._folder.glob("worker-*.log")):
            lines = log.read_text().splitlines()
            said += [line for line in lines if " ERROR " in line]
            said += lines[-1:] if int(log.stem.partition("-")[2]) in self.deserted else []
        return said


def _end(member: subprocess.Popen[bytes]) -> None:
    member.kill()
    member.wait()
    if member.stdin is not None:
        member.stdin.close()
