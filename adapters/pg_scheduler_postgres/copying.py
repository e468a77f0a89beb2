"""New jobs as the text that COPY reads: the quickest way in, for rows that meet no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.retry import backoff_text
from pg_scheduler_postgres.rows import seconds

TABLE = "scheduled_jobs"
ROWS_PER_CHUNK = 500
"""Rows handed over at once: the server stores some while the next are written."""

_NULL = r"\N"

Column = tuple[str, Callable[[NewJob], Any], Any]
"""A column, what a job says of it, and what the table makes of a row that leaves it out."""

_OPTIONAL: tuple[Column, ...] = (
    ("max_retries", lambda job: job.max_retries, 0),
    ("misfire_grace_time", lambda job: job.misfire_grace_seconds, None),
    ("timeout_seconds", lambda job: seconds(job.timeout), None),
    ("backoff", lambda job: backoff_text(job.backoff), None),
    ("store_result", lambda job: job.store_result, False),
    ("schedule_key", lambda job: job.schedule_key, None),
    ("exclusive_key", lambda job: job.exclusive_key, None),
    ("exclusive_wait", lambda job: job.exclusive_wait, True),
    ("payload", lambda job: job.payload, None),
    ("headers", lambda job: job.headers, None),
    ("dedupe_key", lambda job: job.dedupe_key, None),
)


class CopiedJobs:
    """Jobs as COPY wants them. Columns in which no job differs from the table's defaults are left out."""

    def __init__(self, jobs: Sequence[NewJob], now: datetime, pinned: bool, limited: frozenset[str]) -> None:
        """`now` is the transaction's own; `limited` are the names of tasks with limits."""
        self.due_times = [now + job.delay if job.delay is not None else job.execution_time for job in jobs]
        self.lanes = [
            job.limit_key if job.limit_key is not None else "" if job.task_name in limited else None
            for job in jobs
        ]
        written: dict[datetime, str] = {}
        self._columns: dict[str, Sequence[str]] = {
            "job_id": [_escaped(job.job_id) for job in jobs],
            "job_name": [_escaped(job.task_name) for job in jobs],
            "execution_time": [
                written.get(due) or written.setdefault(due, due.isoformat()) for due in self.due_times
            ],
            "task_data": [_escaped(job.task_data) for job in jobs],
            "priority": [str(job.rank) for job in jobs],
        }
        for name, value_of, default in _OPTIONAL:
            self._add(name, [value_of(job) for job in jobs], default)
        self._add("lane", self.lanes, None)
        if pinned:
            self._columns["created_at"] = [now.isoformat()] * len(jobs)

    def _add(self, name: str, values: Sequence[Any], default: Any) -> None:
        if any(value != default for value in values):
            self._columns[name] = [_field(value) for value in values]

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in the order in which they are written."""
        return list(self._columns)

    def chunks(self) -> Iterator[bytes]:
        """The rows, some at a time, in COPY's text format."""
        lines = ["\t".join(row) for row in zip(*self._columns.values(), strict=True)]
        for start in range(0, len(lines), ROWS_PER_CHUNK):
            yield ("\n".join(lines[start : start + ROWS_PER_CHUNK]) + "\n").encode()


def _field(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return _escaped(value) if isinstance(value, str) else repr(value)


def _escaped(text: str) -> str:
    """Text in COPY's own writing: a backslash before what ends a field or a row, and before itself."""
    if text.isprintable() and "\\" not in text:
        return text
    for plain, written in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(plain, written)
    return text
