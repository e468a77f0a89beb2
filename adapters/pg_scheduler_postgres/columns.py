"""The table of jobs, column by column. All that names its columns is made from this one list: the rows that
are stored and copied, the claimed and the shown job, the rights of a producer, what the catalog must hold.

A new column is a migration, a line here, and a field of the records that it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.retry import backoff_from_text, backoff_text
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_postgres.conversions import duration, instant, seconds, utc

Conversion = Callable[[Any], Any]

_TIME = "timestamp with time zone"


def as_it_is(value: Any) -> Any:
    """No conversion."""
    return value


@dataclass(frozen=True, slots=True)
class JobColumn:
    """One column of `scheduled_jobs`."""

    name: str
    definition: str
    """Its type and constraints, in the words of PostgreSQL's catalog."""
    since: int
    """The number of the migration that brings it."""
    producer: bool = False
    """Whether whoever stores jobs writes it; workers write all of them."""
    of_runs: bool = False
    """Whether it stands in runs of schedules only. Who may store no more than jobs does not write it: a job
    that looks like a run would hold its schedule up."""
    new: str | None = None
    """The field of a `NewJob` that it is made of."""
    claimed: str | None = None
    """The field of a `ClaimedJob` that is made of it."""
    shown: str | None = None
    """The field of a `JobRecord` that is made of it."""
    encode: Conversion = as_it_is
    """From the field of a `NewJob`."""
    decode: Conversion = as_it_is
    """To the field of a `ClaimedJob` or `JobRecord`."""
    if_unreadable: Any = None
    """What a `JobRecord` says where the row holds nonsense."""
    stored_as: str = ""
    """What is stored, if not just the value: SQL with the names of parameters in braces."""

    @property
    def type(self) -> str:
        """Its type."""
        return type_in(self.definition)

    @property
    def crosses_as(self) -> str:
        """The type of a parameter for it. jsonb crosses as text."""
        return "text" if self.type == "jsonb" else self.type

    @property
    def stored(self) -> str:
        """What is stored, as SQL with the names of parameters in braces."""
        return self.stored_as or "{" + self.name + "}" + ("::jsonb" if self.type == "jsonb" else "")

    @property
    def read(self) -> str:
        """The column in a list of columns of `job`."""
        if self.type == "jsonb":
            return f"job.{self.name}::text AS {self.name}"
        if self.type == _TIME:
            return f"{readable_time(f'job.{self.name}')} AS {self.name}"
        return f"job.{self.name}"


def readable_time(time: str) -> str:
    """A time as SQL, with an infinite one for those that Python has no datetime for: asyncpg raises when it
    meets one in a row, and so keeps a worker from reading the others."""
    return (
        f"CASE WHEN {time} < '0001-01-01 00:00:00+00' THEN '-infinity'"
        f" WHEN {time} >= '10000-01-01 00:00:00+00' THEN 'infinity' ELSE {time} END"
    )


def type_in(definition: str) -> str:
    """The type in a column's definition."""
    for end in (" COLLATE ", " NOT NULL", " DEFAULT "):
        definition = definition.partition(end)[0]
    return definition


def _arguments(text: str | None) -> str:
    """Rows of an older table may have none."""
    if text and not text.startswith("{"):
        raise ValueError("not a JSON object")
    return text or "{}"


def _is_set(value: object) -> bool:
    return value is not None


FIRST_EPOCH = (
    "(((date_part('epoch'::text, now()) - (1735689600)::double precision)"
    " * (4096000)::double precision))::bigint"
)
"""The epoch of a new row (`domain/epochs.py`): the time since 2025 in parts of 4096 to the millisecond. Until
2094 it fits into 53 bits, so JSON carries it unharmed. `now()`, because COPY stores rows one by one where a
default is volatile. In the words of PostgreSQL's catalog."""

FRESH_EPOCH = (
    "((pg_catalog.floor((pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())"
    " - 1735689600::double precision) * 1000::double precision)"
    " + pg_catalog.random()) * 4096::double precision)::bigint"
)
"""An epoch that no claim has had before, in the same measure. Its last twelve bits are random: the clock may
be set back, and a server that takes over has another one."""

_FLAG = "boolean NOT NULL DEFAULT false"
_COUNT = "integer NOT NULL DEFAULT 0"
_DUE = (
    "least(greatest(coalesce(:NOW + pg_catalog.make_interval(secs => {delay_seconds}), {execution_time}), "
    "'0001-01-01 00:00:00+00'), '9999-12-31 23:59:59.999999+00')"
)
"""Between the first and the last time of Python's, as dates: asyncpg sends these two as infinite times, with
which SQL cannot reckon before PostgreSQL 17; psycopg and COPY send dates."""
TASK_HAS_LIMITS = "limits.paused OR limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL"
"""Jobs of such a task stand in lanes."""
QUEUE_HAS_LIMITS = "queues.concurrency IS NOT NULL OR queues.rate IS NOT NULL"
"""So do those of such a queue. A pause of a queue needs no lane."""
_LANE = (
    "coalesce({limit_key}, "
    """(SELECT '' FROM :"schema".scheduled_job_limits AS limits WHERE limits.task_name = {job_name}"""
    f" AND ({TASK_HAS_LIMITS})), "
    """(SELECT '' FROM :"schema".scheduled_job_queues AS queues WHERE queues.queue = {queue}"""
    f" AND ({QUEUE_HAS_LIMITS})))"
)


def _producers(name: str, definition: str, since: int, field: str, **more: Any) -> JobColumn:
    """A column that holds a field of the definition, which a worker gets and insight shows."""
    wanted: dict[str, Any] = {"new": field, "claimed": field, "shown": field, **more}
    return JobColumn(name, definition, since, producer=True, **wanted)


JOB_COLUMNS: tuple[JobColumn, ...] = (
    _producers("job_id", 'text COLLATE "C" NOT NULL DEFAULT (gen_random_uuid())::text', 1, "job_id"),
    _producers("job_name", "text NOT NULL", 1, "task_name"),
    _producers(
        "execution_time", f"{_TIME} NOT NULL", 1, "execution_time", decode=instant, stored_as=_DUE
    ),
    JobColumn(
        "status", "text NOT NULL DEFAULT 'pending'::text", 1, shown="status", decode=JobStatus,
        if_unreadable=JobStatus.FAILED,
    ),
    _producers("task_data", "jsonb", 1, "task_data", decode=_arguments),
    JobColumn(
        "created_at", f"{_TIME} NOT NULL DEFAULT CURRENT_TIMESTAMP", 1, producer=True,
        claimed="created_at", shown="created_at", decode=instant, stored_as=":NOW",
    ),
    JobColumn("last_heartbeat", _TIME, 1),
    JobColumn("lease_until", _TIME, 1, shown="lease_until", decode=utc),
    _producers("priority", "integer NOT NULL DEFAULT 5", 1, "rank"),
    JobColumn("retry_count", _COUNT, 1, claimed="retry_count", shown="retry_count"),
    _producers("max_retries", _COUNT, 1, "max_retries"),
    JobColumn("worker_id", "text", 1, shown="worker_id"),
    JobColumn("error_message", "text", 1, shown="error_message"),
    _producers("misfire_grace_time", "integer", 1, "misfire_grace_seconds", claimed=None),
    JobColumn("epoch", f"bigint NOT NULL DEFAULT {FIRST_EPOCH}", 2, claimed="epoch", shown="epoch"),
    JobColumn("attempt_count", _COUNT, 2, claimed="attempt", shown="attempt_count"),
    JobColumn("crash_count", _COUNT, 2, shown="crash_count"),
    JobColumn("started_at", _TIME, 2, shown="started_at", decode=utc),
    JobColumn("finished_at", _TIME, 2, shown="finished_at", decode=utc),
    JobColumn("cancel_requested_at", _TIME, 2, shown="cancel_requested", decode=_is_set),
    JobColumn("superseded", _FLAG, 2, shown="superseded"),
    _producers("timeout_seconds", "double precision", 2, "timeout", encode=seconds, decode=duration),
    _producers(
        "backoff", "jsonb", 2, "backoff", shown=None, encode=backoff_text, decode=backoff_from_text
    ),
    _producers("store_result", _FLAG, 2, "store_result", shown=None),
    JobColumn("result", "jsonb", 2, shown="result"),
    _producers("schedule_key", "text", 3, "schedule_key", of_runs=True),
    JobColumn(
        "schedule_window", _TIME, 3, claimed="schedule_window", shown="schedule_window", decode=utc
    ),
    _producers("exclusive_key", "text", 3, "exclusive_key", shown=None, of_runs=True),
    _producers(
        "exclusive_wait", "boolean NOT NULL DEFAULT true", 3, "exclusive_wait", shown=None, of_runs=True
    ),
    _producers("payload", "bytea", 4, "payload"),
    _producers("headers", "jsonb", 4, "headers"),
    _producers("dedupe_key", 'text COLLATE "C"', 4, "dedupe_key", claimed=None),
    JobColumn(
        "lane", 'text COLLATE "C"', 4, producer=True, claimed="lane", shown="lane", stored_as=_LANE
    ),
    JobColumn("awaited", _FLAG, 4),
    JobColumn("progress_done", "double precision", 4, shown="progress_done"),
    JobColumn("progress_total", "double precision", 4, shown="progress_total"),
    JobColumn("counts_epoch", "bigint", 7),
    JobColumn("counts_name", "text", 7),
    JobColumn("counts_lane", 'text COLLATE "C"', 7),
    _producers("queue", f"text COLLATE \"C\" NOT NULL DEFAULT '{DEFAULT_QUEUE}'::text", 10, "queue"),
    JobColumn("counts_queue", 'text COLLATE "C"', 12),
    JobColumn("error_group", 'text COLLATE "C"', 16, shown="error_group"),
    JobColumn("error_type", "text", 16),
    JobColumn("error_frame", "text", 16),
)  # fmt: skip
"""In the order in which migrations add them. `JobRecord` makes its `limit_key` and `progress` of the last."""

STORED = tuple(column for column in JOB_COLUMNS if column.producer)
PRODUCED = tuple(column for column in STORED if not column.of_runs)
_CLAIMED = {column.claimed: column for column in JOB_COLUMNS}
CLAIMED = tuple(_CLAIMED[field.name] for field in fields(ClaimedJob))
"""In the order of the fields: naming twenty arguments for each job costs more than setting them."""
SHOWN = tuple(column for column in JOB_COLUMNS if column.shown is not None)


class Parameter(NamedTuple):
    """What storing a job needs to know of it."""

    name: str
    type: str
    field: str
    """Of a `NewJob`."""
    encode: Conversion = as_it_is


_COMPUTED_FROM = (
    Parameter("delay_seconds", "double precision", "delay", seconds),
    Parameter("limit_key", "text", "limit_key"),
)


def parameters_of(columns: Iterable[JobColumn]) -> tuple[Parameter, ...]:
    """What storing these columns needs to know of a job."""
    return (
        *(
            Parameter(column.name, column.crosses_as, column.new, column.encode)
            for column in columns
            if column.new is not None
        ),
        *_COMPUTED_FROM,
    )


PARAMETERS = parameters_of(STORED)
