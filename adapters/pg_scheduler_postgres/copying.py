"""New jobs as the text that COPY reads: the quickest way in, for rows that meet no others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from pg_scheduler.domain.model import NewJob
from pg_scheduler_postgres.columns import STORED

TABLE = "scheduled_jobs"
CHARACTERS_PER_CHUNK = 60_000
"""So many, or one row, are handed over at once: the server stores some while the next are written, and no
message comes near the gigabyte that it takes at the most."""

_NULL = r"\N"


_DEFAULTS = {field.name: field.default for field in fields(NewJob) if field.default is not MISSING}

_OPTIONAL = [
    (column.name, column.new, column.encode)
    for column in STORED
    if column.new in _DEFAULTS and not column.stored_as
]
"""Columns that can be left out, the field of a job that each is made of, and how: what the table makes of a
row without them is what a `NewJob` has by default."""

_OPTIONS = attrgetter(*(field for _, field, _ in _OPTIONAL))


class CopiedJobs:
    """Jobs as COPY wants them. Columns in which no job differs from the table's defaults are left out."""

    def __init__(
        self,
        jobs: Sequence[NewJob],
        now: datetime,
        pinned: bool,
        limited: Collection[str],
        limited_queues: Collection[str],
    ) -> None:
        """`now` is the transaction's own; `limited` are the names of tasks with limits."""
        self.due_times = [now + job.delay if job.delay is not None else job.execution_time for job in jobs]
        self.lanes = [
            job.limit_key
            if job.limit_key is not None
            else ""
            if job.task_name in limited or job.queue in limited_queues
            else None
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
        }
        self._add_options(jobs)
        if any(lane is not None for lane in self.lanes):
            self._columns["lane"] = [_field(lane) for lane in self.lanes]
        if pinned:
            self._columns["created_at"] = [now.isoformat()] * len(jobs)

    def _add_options(self, jobs: Sequence[NewJob]) -> None:
        # Few differ, so they are told apart by all their options at once.
        distinct = list(zip(*set(map(_OPTIONS, jobs)), strict=True))
        for (name, field, written), found in zip(_OPTIONAL, distinct, strict=True):
            if any(value != _DEFAULTS[field] for value in found):
                self._columns[name] = [_field(written(getattr(job, field))) for job in jobs]

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in the order in which they are written."""
        return list(self._columns)

    def chunks(self) -> Iterator[bytes]:
        """The rows, some at a time, in COPY's text format."""
        lines: list[str] = []
        characters = 0
        for row in zip(*self._columns.values(), strict=True):
            line = "\t".join(row)
            lines.append(line)
            characters += len(line)
            if characters >= CHARACTERS_PER_CHUNK:
                yield _chunk(lines)
                lines, characters = [], 0
        if lines:
            yield _chunk(lines)


def _chunk(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


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
