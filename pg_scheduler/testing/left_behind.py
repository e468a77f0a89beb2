"""What a test leaves behind: said once, in one sentence that names it and the remedy."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.ports.insight import MOST_COUNTED, Waiting

MOST_NAMED = 5
"""Names that a warning shows."""


class LeftBehind(UserWarning):
    """A test ended, or drained, and something was left: jobs that nobody ran, a scheduler that runs on. To
    allow it: ``filterwarnings("ignore::pg_scheduler.testing.LeftBehind")``."""


def warn(text: str, stacklevel: int = 3) -> None:
    """Say so."""
    warnings.warn(text, LeftBehind, stacklevel=stacklevel)


def of_unknown_tasks(waiting: Iterable[Waiting]) -> str:
    """Due jobs that a drain left because no application knows their tasks."""
    found = list(waiting)
    counts = [f"{one.task_name!r} ({one.count}{'+' if one.count == MOST_COUNTED else ''})" for one in found]
    return (
        f"drain() left due jobs of tasks that are not known here: {_listed(counts)}. Register their "
        "functions, scheduler.register(func) or @app.entrypoint(name), or drain the application that has them"
    )


def never_drained(jobs: Sequence[JobRecord]) -> str:
    """Due jobs of a test that neither ran nor looked at any."""
    names = sorted({job.task_name for job in jobs})
    return (
        f"the test stored {len(jobs)} due {'job' if len(jobs) == 1 else 'jobs'} and neither ran nor looked "
        f"at any: {_listed(names)}. Run them, await drain(app), or say what you expect, assert_scheduled(...)"
    )


def never_shut_down(number: int) -> str:
    """Schedulers that were started, and still run."""
    what = "a scheduler was" if number == 1 else f"{number} schedulers were"
    return f"{what} started and never shut down. Use `async with scheduler:`, or await scheduler.shutdown()"


def still_running(task_names: Sequence[str]) -> str:
    """Jobs that run on."""
    number = len(task_names)
    return (
        f"{number} {'job was' if number == 1 else 'jobs were'} still running when the test ended: "
        f"{_listed(sorted(set(task_names)))}. Wait for them, await job.wait(timeout=10), or cancel them"
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
