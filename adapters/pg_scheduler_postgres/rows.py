"""Rows to records and back: where jsonb is text and times become UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from pg_scheduler.domain.errors import shown
from pg_scheduler.domain.failures import MOST_OF_GROUP, FailureGroup
from pg_scheduler.domain.model import (
    AttemptRecord,
    ClaimedJob,
    JobInfo,
    JobRecord,
    Lease,
    NewJob,
    Progress,
)
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_postgres.columns import CLAIMED, PARAMETERS, SHOWN, JobColumn, as_it_is
from pg_scheduler_postgres.conversions import instant, utc
from pg_scheduler_postgres.session import Row, Session

SOON = timedelta(seconds=60)
"""Only jobs due within this time are worth a NOTIFY: an idle worker looks at least this often anyway."""

SOON_AT_COMMIT = timedelta(days=1)
"""As `SOON` in an open transaction: it may be committed much later, and its signals leave only then."""

UNREADABLE = "the row cannot be read"


def soon_in(session: Session) -> float:
    """Seconds within which a job must be due so that its storing is worth a NOTIFY."""
    return (SOON_AT_COMMIT if session.in_transaction() else SOON).total_seconds()


_DECODED = [(place, one.decode) for place, one in enumerate(CLAIMED) if one.decode is not as_it_is]

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


def status_in(row: Row) -> JobStatus:
    """The status of a row. One that there is not is that of a job that nobody will run."""
    try:
        return JobStatus(row["status"])
    except ValueError:
        return JobStatus.FAILED


class Unreadable(NamedTuple):
    """A claimed row that holds what nobody can make sense of."""

    lease: Lease
    reason: str


def claimed_jobs(rows: Iterable[Row]) -> tuple[list[ClaimedJob], list[Unreadable]]:
    """The rows of a claim. One that cannot be read does not keep the others from being read."""
    jobs, unreadable = [], []
    for row in rows:
        try:
            jobs.append(_claimed_job(row))
        except Exception:
            reasons = (_decoded(column, row)[1] for column in CLAIMED)
            reason = f"{UNREADABLE}: {'; '.join(filter(None, reasons))}"
            unreadable.append(Unreadable(Lease(row["job_id"], row["epoch"]), reason))
    return jobs, unreadable


def _decoded(column: JobColumn, row: Row) -> tuple[Any, str | None]:
    """The value, or what stands for it, and why."""
    try:
        return column.decode(row[column.name]), None
    except Exception as error:  # whatever a decoder does with nonsense
        return (
            column.if_unreadable,
            f"{column.name} is {shown(row[column.name])} ({type(error).__name__}: {error})",
        )


def _claimed_job(row: Row) -> ClaimedJob:
    values = [*row.values()][: len(CLAIMED)]
    for place, decode in _DECODED:
        values[place] = decode(values[place])
    return ClaimedJob(*values)


def job_record(row: Row) -> JobRecord:
    """A row of the insight statements. Of one that holds nonsense the error text says so."""
    values: dict[str, Any] = {}
    reasons: list[str] = []
    for column in SHOWN:
        values[str(column.shown)], reason = _decoded(column, row)
        if reason is not None:
            reasons.append(reason)
    lane, done, total = (values.pop(name) for name in ("lane", "progress_done", "progress_total"))
    progress = None if done is None else Progress(done, total)
    if reasons:
        values["error_message"] = f"{UNREADABLE}: {'; '.join(reasons)}"
    return JobRecord(**values, limit_key=lane or None, progress=progress)


def job_info(row: Row) -> JobInfo:
    """A row of those that people watch."""
    done = row["progress_done"]
    progress = None if done is None else Progress(done, row["progress_total"])
    return JobInfo(row["job_id"], status_in(row), progress, row["attempt_count"], row["error_message"])


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


def failure_group(row: Row) -> FailureGroup:
    """A row of the failures."""
    return FailureGroup(
        group=row["error_group"],
        task_name=row["job_name"],
        error_type=row["error_type"] or "",
        frame=row["error_frame"] or "",
        count=min(row["failures"], MOST_OF_GROUP),
        exact=row["failures"] <= MOST_OF_GROUP,
        first=instant(row["first"]),
        last=instant(row["last"]),
        sample=row["error_message"] or "",
        sample_job_id=row["job_id"],
        last_hour=row["last_hour"],
        hour_before=row["hour_before"],
        last_day=row["last_day"],
    )
