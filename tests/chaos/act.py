"""A scenario that brings a play of its own, rather than damage to a load of jobs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.leaks import Present, left_behind
from tests.chaos.options import Options
from tests.chaos.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an act is played."""

    server: EmbeddedServer
    library: Library
    dsn: str
    """Of an empty database."""
    options: Options
    folder: Path
    """Empty, and gone afterwards."""

    def outcome(self, scenario: str) -> Outcome:
        """Still empty."""
        return Outcome(scenario, self.library, self.options.seed)


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the table."""

    name: str
    summary: str
    """One line for the help."""
    play: Callable[[Ground], Awaitable[Outcome]]


async def perform(act: Act, server: EmbeddedServer, library: Library, dsn: str, options: Options) -> Outcome:
    """Play; what the act leaves behind is a problem of it."""
    began, before = time.monotonic(), Present.now()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        outcome = await act.play(Ground(server, library, dsn, options, Path(name)))
    left = tuple(f"left behind: {what}" for what in await left_behind(dsn, before))
    return replace(outcome, seconds=time.monotonic() - began, problems=outcome.problems + left)
