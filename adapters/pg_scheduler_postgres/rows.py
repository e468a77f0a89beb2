"""Rows to records and back: where jsonb is text and times become UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from operator import attrgetter, itemgetter
from typing import Any

from pg_scheduler.domain.model import (
    AttemptRecord,
    ClaimedJob,
    JobRecord,
    NewJob,
    Progress,
    WorkerRecord,
)
from pg_scheduler_postgres.columns import CLAIMED, PARAMETERS, SHOWN, as_it_is
from pg_scheduler_postgres.conversions import instant, utc
from pg_scheduler_postgres.session import Row

SOON = timedelta(seconds=60)
"""Only jobs due within this time are worth a NOTIFY: an idle worker looks at least this often anyway."""


_COLUMN_OF = {column.claimed: column for column in CLAIMED}
_CLAIMED = [_COLUMN_OF[field.name] for field in fields(ClaimedJob)]
_READ = itemgetter(*(column.name for column in _CLAIMED))
_DECODED = [(place, one.decode) for place, one in enumerate(_CLAIMED) if one.decode is not as_it_is]

_WRITE = attrgetter(*(parameter.field for parameter in PARAMETERS))
_ENCODED = [(one.name, one.encode) for one in PARAMETERS if one.encode is not as_it_is]
_NAMES = [parameter.name for parameter in PARAMETERS]


def values_of(job: NewJob) -> dict[str, Any]:
    """A new job as the parameters of the statement that stores one."""
    values = dict(zip(_NAMES, _WRITE(job), strict=True))
    for name, encode in _ENCODED:
        values[name] = encode(values[name])
    return values


def columns_of(jobs: Sequence[NewJob]) -> dict[str, list[Any]]:
    """New jobs as the parallel arrays that the submit statements unnest."""
    return {
        f"every_{name}": [encode(getattr(job, field)) for job in jobs]
        for name, _, field, encode in PARAMETERS
    }


def claimed_job(row: Row) -> ClaimedJob:
    """A row of the claim statements."""
    # In the order of the fields: naming twenty arguments costs more than setting them.
    values = list(_READ(row))
    for place, decode in _DECODED:
        values[place] = decode(values[place])
    return ClaimedJob(*values)


def job_record(row: Row) -> JobRecord:
    """A row of the insight statements."""
    shown: dict[str, Any] = {str(column.shown): column.decode(row[column.name]) for column in SHOWN}
    lane, done, total = (shown.pop(name) for name in ("lane", "progress_done", "progress_total"))
    progress = None if done is None else Progress(done, total)
    return JobRecord(**shown, limit_key=lane or None, progress=progress)


def attempt_record(row: Row) -> AttemptRecord:
    """A row of the history."""
    return AttemptRecord(
        job_id=row["job_id"],
        epoch=row["epoch"],
        attempt=row["attempt"],
        worker_id=row["worker_id"],
        started_at=utc(row["started_at"]),
        finished_at=instant(row["finished_at"]),
        outcome=row["outcome"],
        error_message=row["error_message"],
        traceback=row["traceback"],
    )


def worker_record(row: Row) -> WorkerRecord:
    """A row of the workers table."""
    return WorkerRecord(
        worker_id=row["worker_id"],
        hostname=row["hostname"],
        pid=row["pid"],
        started_at=instant(row["started_at"]),
        last_seen=instant(row["last_seen"]),
    )
