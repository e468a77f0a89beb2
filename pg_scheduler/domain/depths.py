"""How many jobs wait and run, as far as counting is worth it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_OF_A_STREAM = 10_000
"""So many jobs that wait in one stream, or in the lanes of one task and queue, are as bad as any number."""
MOST_IN_ALL = 100_000
"""So many are read of all of them together; the more streams there are, the fewer of each, but ten."""


@dataclass(frozen=True, slots=True)
class TaskDepth:
    """The jobs of one task in one queue."""

    queue: str
    task_name: str
    due: int = 0
    """They wait, and may start now. It ends where counting ends, as does `scheduled`."""
    scheduled: int = 0
    """They wait for their time."""
    running: int = 0
    exact: bool = True
    """False where counting ended: more may be due or scheduled."""


@dataclass(frozen=True, slots=True)
class Depths:
    """Of all tasks with unfinished jobs."""

    tasks: tuple[TaskDepth, ...] = ()
    """By queue, task."""
    lanes_in_use: Mapping[str, int] = field(default_factory=dict)
    """In how many lanes of each task jobs run."""


@dataclass(frozen=True, slots=True)
class FailedJobs:
    """Failed jobs that are stored, of those jobs that ended last without success."""

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By queue and task."""
    exact: bool = True
    """False if there may be more."""
