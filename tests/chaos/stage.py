"""Where a scenario is played: its jobs, its workers, and the watch over both."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pg_scheduler.client.source import Library
from tests.chaos.crew import Crew, Fault
from tests.chaos.false_time import FalseTime
from tests.chaos.journal import Entry, Line, read
from tests.chaos.judge import attempts_by_job
from tests.chaos.options import Options
from tests.chaos.planning import Kind
from tests.chaos.table import Table

LOOK = 0.5
"""Seconds between looks at the table."""
LEASES_OF_SILENCE = 10
"""After this many leases without any job starting or ending nothing more is hoped for."""
NEVER = datetime.max.replace(tzinfo=UTC)
TOO_MANY_DESERTERS = 10
"""When so many workers have ended by themselves, something is wrong with all of them."""


@dataclass(slots=True)
class Stage:
    """What a scenario may touch."""

    options: Options
    crew: Crew
    table: Table
    folder: Path
    journal: Path
    dsn: str
    library: Library
    problems: list[str] = field(default_factory=list)
    """What a scenario has seen that must not be."""
    missed: int = 0
    """Windows."""
    doubled: int = 0
    """Windows."""
    clocks: list[FalseTime] = field(default_factory=list)
    """That the workers live by, where a scenario has made some."""
    jumps: int = 0
    """Of the database's clock: faults that hurt no single worker."""
    deployed: datetime = NEVER
    """From when on the new version's schedule was the one that counted."""

    def busiest(self) -> tuple[int, int]:
        """The worker with the most attempts under way, by pid, and how many these are."""
        open_attempts = Counter(
            attempt.start.pid
            for attempts in attempts_by_job(read(self.journal)).values()
            for attempt in attempts
            if attempt.ended is None
        )
        return max(((m.pid, open_attempts[m.pid]) for m in self.crew.members), key=lambda one: one[1])

    def identity(self, pid: int) -> str:
        """The worker's own name for itself, by its process."""
        return next(line.worker_id for line in read(self.journal) if line.pid == pid)

    def busy(self) -> list[subprocess.Popen[bytes]]:
        """The workers that have attempts under way."""
        open_attempts = [
            attempt.start.pid
            for attempts in attempts_by_job(read(self.journal)).values()
            for attempt in attempts
            if attempt.answer is None
        ]
        return [member for member in self.crew.members if member.pid in open_attempts]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of damage, and the jobs that are to survive it."""

    name: str
    summary: str
    """One line for the help."""
    jobs: int
    """How many by default."""
    kinds: Sequence[Kind]
    damage: Callable[[Stage], Awaitable[None]]
    """Does harm until cancelled, or comes to an end."""
    damage_to_its_end: bool = False
    """True if the scenario is not over before its damage is."""
    must_show: tuple[str, ...] = ()
    """Findings that must not be 0: otherwise the scenario has proved nothing."""
    seconds: float = 20.0
    """The jobs fall due over this span in a run of ten minutes; shorter in a shorter one."""
    launch: Mapping[str, Any] = field(default_factory=dict)
    """What its workers are told beyond the usual."""
    workers: int | None = None
    """None: as many as the options say."""
    program: str = "tests.chaos.worker"
    """What a worker process runs."""
    faults_in: Callable[[Sequence[Line]], list[Fault]] = lambda lines: []
    """Faults that the jobs themselves were, by the journal."""
    leases_lapse: bool = False
    """True where leases run out by themselves, so that a lost one explains a second start."""
    deserters: bool = False
    """True where workers that end by themselves are part of it."""
    afterwards: Callable[[Stage], Awaitable[None]] | None = None
    """Looks at what is particular to it once its jobs have ended and the workers are still there."""
    recovery_within: float | None = 1.0
    """Seconds beyond one lease that recovery from a kill may take; None: not judged."""
    prepare: Callable[[Stage], None] = lambda stage: None
    """Called before the first worker is hired."""
    tables_made: Callable[[Stage], Awaitable[None]] | None = None
    """Called before the first worker is hired, when there are tables."""
    times_agree: bool = True
    """False where the database's clock is tampered with."""


async def no_damage(stage: Stage) -> None:
    """For scenarios whose jobs are the damage."""
    await asyncio.Event().wait()


@dataclass(slots=True)
class Watch:
    """Waits until all jobs have ended, or until there is no more hope of it."""

    stage: Stage
    jobs: int
    told: Callable[[int, int, int], None]
    """Hears now and then: jobs ended, of how many, faults so far."""
    _sign: tuple[int, int] = field(default=(0, 0), init=False)
    _since: float = field(default_factory=time.monotonic, init=False)

    async def until_finished(self) -> None:
        """Return when the last job has ended, or when the run has gone silent or on for too long."""
        options = self.stage.options
        end = time.monotonic() + (options.seconds or 0) + 60 + self.jobs / 100
        while time.monotonic() < end:
            await asyncio.sleep(LOOK)
            self.stage.crew.replace_deserters()
            finished = await self.stage.table.finished()
            self.told(finished, self.jobs, len(self.stage.crew.faults))
            deserted = len(self.stage.crew.deserted) > TOO_MANY_DESERTERS
            if finished >= self.jobs or deserted or self._silent(finished):
                return

    def _silent(self, finished: int) -> bool:
        # Workers that only come up and are killed are no sign of life.
        sign = (finished, sum(line.entry not in (Entry.UP, Entry.READY) for line in read(self.stage.journal)))
        if sign != self._sign:
            self._sign, self._since = sign, time.monotonic()
        # Workers start up, and jobs may be due late: neither is silence.
        patience = self.stage.options.lease * LEASES_OF_SILENCE + (0 if finished else 10)
        return time.monotonic() - self._since > patience
