"""How callers say which stored jobs they mean: by id, or by a filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict, Unpack

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import (
    checked_items,
    checked_positive,
    checked_status,
    checked_time,
)
from pg_scheduler.domain.queues import checked_queue
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobStatus


class FilterOptions(TypedDict, total=False):
    """The words of a filter; each narrows it, and None is as good as left out."""

    status: JobStatus | str | Iterable[JobStatus | str] | None
    """One state or several."""
    task: str | None
    """The name of the task or entrypoint, in full."""
    since: datetime | None
    """Their time is then or later: when they ended; while they have not, when they are due. Aware."""
    error: str | None
    """Part of the error message, whatever the case of its letters. No character is a wildcard."""
    queue: str | None
    """The queue in which they wait, or waited."""
    until: datetime | None
    """Their time is before then; aware."""
    worker: str | None
    """The id of the worker that runs them, or ran them last."""
    arguments: Mapping[str, str] | None
    """What stands at places in their arguments, as text: ``{"user.id": "7"}`` is about a keyword argument,
    ``{"args.0": "7"}`` about the first positional one."""
    key: str | None
    """Their dedupe key or their limit key."""
    id_prefix: str | None
    """How their ids begin."""
    error_group: str | None
    """They failed alike (`FailureGroup.group`)."""
    audit_id: int | None
    """The act by which they were changed (`AuditRecord`)."""


def checked_ids(job_ids: str | Iterable[str]) -> list[str]:
    """One id or several, as a list.

    Raises:
        InvalidInput: something else.
    """
    return [job_ids] if isinstance(job_ids, str) else checked_items("job_ids", job_ids, str, "job id")


def chosen_jobs(job_ids: str | Iterable[str] | None, options: FilterOptions) -> list[str] | Selection:
    """The ids as a list, or the filter.

    Raises:
        InvalidInput: something that cannot be, both, or neither: nobody means every job by accident.
    """
    if job_ids is not None:
        if options:
            raise InvalidInput("job_ids", "ids and a filter were given", "Give one of them")
        return checked_ids(job_ids)
    wanted = selection_from(**options)
    if wanted == Selection():
        raise InvalidInput(
            "job_ids",
            "neither ids nor a filter were given",
            'Give ids, or some of status=, task=, queue=, since= and error=, for example status="failed"',
        )
    return wanted


def selection_from(**options: Unpack[FilterOptions]) -> Selection:
    """The filter.

    Raises:
        InvalidInput: a value that cannot be.
        TypeError: a word that is none of a filter's.
    """
    unknown = options.keys() - FilterOptions.__annotations__.keys()
    if unknown:
        words = ", ".join(FilterOptions.__annotations__)
        raise TypeError(f"unexpected keyword {min(unknown)!r}: a filter's are {words}")
    task, since, error = options.get("task"), options.get("since"), options.get("error")
    queue, until, worker = options.get("queue"), options.get("until"), options.get("worker")
    group = options.get("error_group")
    key, prefix, audit_id = options.get("key"), options.get("id_prefix"), options.get("audit_id")
    return Selection(
        statuses=_statuses(options.get("status")),
        task_name=None if task is None else checked_name("task", task),
        since=None if since is None else checked_time("since", since),
        error=None if error is None else _text("error", error),
        queue=None if queue is None else checked_queue(queue),
        until=None if until is None else checked_time("until", until),
        worker_id=None if worker is None else checked_name("worker", worker),
        arguments=_arguments(options.get("arguments") or {}),
        key=None if key is None else _text("key", key),
        id_prefix=None if prefix is None else _text("id_prefix", prefix),
        error_group=None if group is None else _text("error_group", group),
        audit_id=None if audit_id is None else checked_positive("audit_id", audit_id),
    )


def _arguments(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, Mapping):
        raise InvalidInput("arguments", f"expected texts by path, got {shown(given)}", 'As {"user.id": "7"}')
    return tuple((_text("arguments", path), _text("arguments", value)) for path, value in given.items())


def _statuses(given: JobStatus | str | Iterable[JobStatus | str] | None) -> tuple[JobStatus, ...]:
    if given is None:
        return ()
    statuses = [given] if isinstance(given, str) else checked_items("status", given, str, "status")
    if not statuses:
        raise InvalidInput("status", "names no status", "Leave it out to mean all")
    return tuple(dict.fromkeys(checked_status(status) for status in statuses))


def _text(field: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInput(field, f"expected a text that is not empty, got {shown(value)}")
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in value):
        raise InvalidInput(field, "holds a NUL or a lone surrogate, which no error message does")
    return value
