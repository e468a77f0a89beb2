"""Resolves the names given to ``--only`` to tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pg_scheduler.domain.identity import bare_name
from pg_scheduler.domain.spelling import nearest
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import Failure, in_sentences


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Names from an option that may be repeated and may hold several names, separated by commas."""
    return tuple(name for value in values for name in (part.strip() for part in value.split(",")) if name)


def slots_by_queue(names: Iterable[str]) -> dict[str, int | None]:
    """Queues as ``--queues`` names them, each with its slots: ``mail:20``, or None: ``mail``.

    Raises:
        Failure: what stands behind the colon is no whole number from 1.
    """
    found: dict[str, int | None] = {}
    for name in names:
        queue, colon, slots = name.rpartition(":")
        if colon and not (slots.isdecimal() and int(slots) > 0 and queue):
            raise Failure(f"--queues {name!r}: expected QUEUE or QUEUE:N, N being a whole number from 1")
        found[queue if colon else name] = int(slots) if colon else None
    return found


def chosen_tasks(scheduler: Scheduler, wanted: Iterable[str]) -> set[str]:
    """The stored task names that these names stand for. A name may be that of an entrypoint, of a schedule
    or of a task.

    Raises:
        Failure: the application has no task of this name; the message suggests a similar one.
    """
    chosen: set[str] = set()
    for name in wanted:
        scheduler.find_task(name)  # it may be in a task module that has not been imported yet
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
                yield bare_name(task)  # other programs may have enqueued it under this name


def _unknown(name: str, known: set[str]) -> str:
    near = nearest(name, known)
    there = ", ".join(sorted(known)) or "none"
    hint = f"Did you mean {near!r}?" if near else f"The application has: {there}"
    return in_sentences(f"--only: the application has no task {name!r}", hint)
