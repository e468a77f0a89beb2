"""Which tasks ``--only`` means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from pg_scheduler.domain.identity import bare_name
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import Failure, in_sentences


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Names from options that may be repeated and may hold several, with commas between them."""
    return tuple(name for value in values for name in (part.strip() for part in value.split(",")) if name)


def chosen_tasks(scheduler: Scheduler, wanted: Iterable[str]) -> set[str]:
    """The stored names of the jobs that are wanted: those of an entrypoint, and those of a schedule of this
    name.

    Raises:
        Failure: the application knows no such name; says which one is near.
    """
    chosen: set[str] = set()
    for name in wanted:
        scheduler.find_task(name)  # it may be in the task modules, where nobody has looked yet
        stored = set(_stored_names(scheduler, name))
        if not stored:
            raise Failure(_unknown(name, _known(scheduler)))
        chosen |= stored
    return chosen


def _known(scheduler: Scheduler) -> set[str]:
    return {form for task in scheduler.task_map for form in (task, bare_name(task))}


def _stored_names(scheduler: Scheduler, name: str) -> Iterator[str]:
    tasks = set(scheduler.task_map)
    for task in tasks:
        if name in (task, bare_name(task)):
            yield task
            if bare_name(task) not in tasks:
                yield bare_name(task)  # how others may have enqueued it


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    there = ", ".join(sorted(known)) or "none at all"
    hint = f"Did you mean {near[0]!r}?" if near else f"The application has: {there}"
    return in_sentences(f"--only: the application has no task {name!r}", hint)
