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


@dataclass(frozen=True, slots=True)
class Depths:
    """Of all tasks with unfinished jobs."""

    tasks: tuple[TaskDepth, ...] = ()
    """By queue, task."""
    lanes_in_use: Mapping[str, int] = field(default_factory=dict)
    """In how many lanes of each task jobs run."""
