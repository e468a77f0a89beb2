"""One thing that is wrong, or may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """Jobs or schedules do not run, or may be lost: somebody must act."""
    WARNING = "warning"
    """Jobs fail, or run late, or will."""
    NOTICE = "notice"
    """Somebody wanted it so, or it passes; it explains what is seen elsewhere."""


class About(StrEnum):
    """What a problem is about: where to look."""

    TASK = "task"
    QUEUE = "queue"
    LANE = "lane"
    SCHEDULE = "schedule"
    WORKER = "worker"
    JOBS = "jobs"
    TRANSACTION = "transaction"
    SERVER = "server"
    TABLE = "table"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fact that somebody should know."""

    code: str
    """One word for programs."""
    severity: Severity
    text: str
    """The fact. It may hold names that anybody has stored."""
    about: About
    subject: str | None = None
    """The name of what it is about; None: all of its kind, or several."""
    fix: str | None = None
    """What to do, as a command where there is one."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is a problem."""

    unclaimed: timedelta = timedelta(seconds=60)
    """A due job that no living worker would take."""
    backlog: timedelta = timedelta(minutes=5)
    """The oldest due job of a task."""
    full: timedelta = timedelta(minutes=10)
    """The first job before a full lane or queue."""
    lost: timedelta = timedelta(seconds=60)
    """A lease that is over, and nobody has taken the job back."""
    late: timedelta = timedelta(seconds=60)
    """A window that nobody has turned into a job."""
    retired: timedelta = timedelta(days=1)
    """Schedules that were retired longer ago are not worth a word."""
    failures: int = 5
    """So many attempts of a task that failed in the last minutes, if they are most of those that ended."""
    clock: timedelta = timedelta(seconds=2)
    """A worker's clock against the database's."""
    open_transaction: timedelta = timedelta(minutes=10)
    dead_rows: int = 50_000
    """In one table, and more than live ones."""
    connections: float = 0.9
    """Of those that the server takes."""


USUAL = Thresholds()
"""What nobody has changed."""
