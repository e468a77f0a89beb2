"""What the schema must hold: tables with their columns, and indexes. What healing looks for is made from it,
and a test compares it with what the migrations really make."""

from __future__ import annotations

from dataclasses import dataclass, field

from pg_scheduler.domain.minutes import COUNTS
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler_postgres.columns import JOB_COLUMNS

_TIME = "timestamp with time zone"
_BIG_COUNT = "bigint NOT NULL DEFAULT 0"


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    columns: dict[str, str]
    """Types and constraints by name, in the words of PostgreSQL's catalog."""
    primary_key: tuple[str, ...]
    indexes: dict[str, str] = field(default_factory=dict)
    """Columns and conditions by name, as `pg_get_indexdef` tells them after the table; ``UNIQUE`` before."""


JOBS = Table(
    "scheduled_jobs",
    {column.name: column.definition for column in JOB_COLUMNS},
    ("job_id",),
    {
        "scheduled_jobs_waiting": '(queue, job_name COLLATE "C", priority, execution_time, job_id)'
        " WHERE ((status = 'pending'::text) AND (lane IS NULL))",
        "scheduled_jobs_waiting_in_lanes": '(queue, job_name COLLATE "C", lane, priority, execution_time,'
        " job_id) WHERE ((status = 'pending'::text) AND (lane IS NOT NULL))",
        "scheduled_jobs_lane_runs": "(job_name, lane)"
        " WHERE ((status = 'running'::text) AND (lane IS NOT NULL))",
        "scheduled_jobs_queue_runs": "(queue) WHERE ((status = 'running'::text) AND (lane IS NOT NULL))",
        "scheduled_jobs_counted_apart": "(counts_name, counts_lane)"
        " WHERE ((status = 'running'::text) AND (counts_epoch IS NOT NULL))",
        "scheduled_jobs_running": "(job_id) WHERE (status = 'running'::text)",
        "scheduled_jobs_of_schedule": "(schedule_key) WHERE ((schedule_key IS NOT NULL)"
        " AND (status = ANY (ARRAY['pending'::text, 'running'::text])))",
        "scheduled_jobs_ended": "(status, job_name, finished_at) WHERE (status = ANY"
        " (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text, 'expired'::text]))",
        "scheduled_jobs_unsuccessful": "(finished_at, job_id) WHERE (status = ANY"
        " (ARRAY['failed'::text, 'cancelled'::text, 'expired'::text]))",
        "scheduled_jobs_failures": "(error_group, finished_at, job_id)"
        " WHERE ((status = 'failed'::text) AND (error_group IS NOT NULL))",
        "scheduled_jobs_laned_by_time": "(execution_time, job_id)"
        " WHERE ((status = 'pending'::text) AND (lane IS NOT NULL))",
        "scheduled_jobs_dedupe": "UNIQUE (dedupe_key) WHERE ((dedupe_key IS NOT NULL)"
        " AND (status = ANY (ARRAY['pending'::text, 'running'::text])))",
    },
)

ATTEMPTS = Table(
    "scheduled_job_attempts",
    {
        "job_id": 'text COLLATE "C" NOT NULL',
        "epoch": "bigint NOT NULL",
        "attempt": "integer NOT NULL",
        "worker_id": "text",
        "started_at": _TIME,
        "finished_at": f"{_TIME} NOT NULL",
        "outcome": "text NOT NULL",
        "error_message": "text",
        "traceback": "text",
    },
    ("job_id", "epoch"),
)

WORKERS = Table(
    "scheduled_job_workers",
    {
        "worker_id": "text NOT NULL",
        "hostname": "text NOT NULL",
        "pid": "integer NOT NULL",
        "started_at": f"{_TIME} NOT NULL",
        "last_seen": f"{_TIME} NOT NULL",
        "lease_until": _TIME,
        "held_up": "text[]",
        "state": "text",
        "listening": "boolean",
        "task_names": "text[]",
        "chosen": "text[]",
        "queues": "jsonb",
        "capacity": "integer",
        "app_version": "text",
        "library_version": "text",
        "wish": "text NOT NULL DEFAULT 'work'::text",
        "clock_ahead": "double precision",
        "likes": "text",
    },
    ("worker_id",),
)

SCHEDULES = Table(
    "scheduled_job_schedules",
    {
        "schedule_key": 'text COLLATE "C" NOT NULL',
        "task_name": "text NOT NULL",
        "spec": "jsonb NOT NULL",
        "spec_hash": "text NOT NULL",
        "older_hashes": "text[] NOT NULL DEFAULT '{}'::text[]",
        "task_data": "jsonb NOT NULL",
        "priority": "integer NOT NULL",
        "max_retries": "integer NOT NULL",
        "misfire_grace_time": "integer",
        "timeout_seconds": "double precision",
        "backoff": "jsonb",
        "exclusive": "boolean NOT NULL",
        "contention": "text NOT NULL",
        "origin": "text NOT NULL",
        "waits": "boolean NOT NULL",
        "paused": "boolean NOT NULL",
        "retired": "boolean NOT NULL DEFAULT false",
        "mark": _TIME,
        "next_window": _TIME,
        "run_count": _BIG_COUNT,
        "skipped_count": _BIG_COUNT,
        "last_job_id": "text",
        "created_at": f"{_TIME} NOT NULL",
        "heartbeat": f"{_TIME} NOT NULL",
        "lock_name": "text",
        "stands_for": "text[] NOT NULL DEFAULT '{}'::text[]",
        "displaced_tasks": "text[] NOT NULL DEFAULT '{}'::text[]",
        "queue": f"text COLLATE \"C\" NOT NULL DEFAULT '{DEFAULT_QUEUE}'::text",
    },
    ("schedule_key",),
    {"scheduled_job_schedules_due": "(next_window) WHERE ((NOT paused) AND (NOT retired))"},
)

LIMITS = Table(
    "scheduled_job_limits",
    {
        "task_name": 'text COLLATE "C" NOT NULL',
        "concurrency": "integer",
        "rate": "double precision",
        "paused": "boolean NOT NULL DEFAULT false",
        "changed_at": f"{_TIME} NOT NULL",
        "resumed_at": _TIME,
        "by_hand": "boolean NOT NULL DEFAULT false",
        "code_concurrency": "integer",
        "code_rate": "double precision",
    },
    ("task_name",),
)

LANES = Table(
    "scheduled_job_lanes",
    {
        "task_name": 'text COLLATE "C" NOT NULL',
        "lane": 'text COLLATE "C" NOT NULL',
        "claimed_in": "xid8 NOT NULL",
        "claimed_at": f"{_TIME} NOT NULL",
        "refilled_at": _TIME,
        "granted": "integer NOT NULL",
        "full_at": _TIME,
    },
    ("task_name", "lane"),
)

QUEUES = Table(
    "scheduled_job_queues",
    {
        "queue": 'text COLLATE "C" NOT NULL',
        "paused": "boolean NOT NULL DEFAULT false",
        "resumed_at": _TIME,
        "changed_at": f"{_TIME} NOT NULL",
        "concurrency": "integer",
        "rate": "double precision",
        "limited_at": _TIME,
    },
    ("queue",),
)

AUDIT = Table(
    "scheduled_job_audit",
    {
        "id": "bigint NOT NULL",
        "at": f"{_TIME} NOT NULL",
        "actor": "text NOT NULL",
        "via": "text NOT NULL",
        "act": "text NOT NULL",
        "subject": "text NOT NULL",
        "affected": "integer NOT NULL",
        "selection": "jsonb",
    },
    ("id",),
)

AUDIT_JOBS = Table(
    "scheduled_job_audit_jobs",
    {"audit_id": "bigint NOT NULL", "job_id": 'text COLLATE "C" NOT NULL'},
    ("audit_id", "job_id"),
)

MINUTES = Table(
    "scheduled_job_minutes",
    {
        "minute": f"{_TIME} NOT NULL",
        "worker_id": 'text COLLATE "C" NOT NULL',
        "queue": 'text COLLATE "C" NOT NULL',
        "task_name": 'text COLLATE "C" NOT NULL',
        **dict.fromkeys(COUNTS, "integer NOT NULL"),
        "waits": "integer[] NOT NULL",
        "runs": "integer[] NOT NULL",
    },
    ("minute", "worker_id", "queue", "task_name"),
)

VACUUM_STATS = Table(
    "vacuum_stats",
    {
        "day": "date NOT NULL",
        "deleted_completed": _BIG_COUNT,
        "deleted_failed": _BIG_COUNT,
        "deleted_cancelled": _BIG_COUNT,
        "deleted_expired": _BIG_COUNT,
        "runs": _BIG_COUNT,
        "last_run": f"{_TIME} NOT NULL",
    },
    ("day",),
)

LEDGER = Table(
    "scheduled_job_migrations",
    {
        "version": "integer NOT NULL",
        "name": "text NOT NULL",
        "applied_at": f"{_TIME} NOT NULL DEFAULT clock_timestamp()",
    },
    ("version",),
)

CHECKS = ("scheduled_jobs_readable", "scheduled_jobs_status", "scheduled_jobs_window_ids")
"""Constraints on the values of jobs. Without them nonsense fails when it is claimed, and a producer can take
ids of windows; nothing else is lost."""

TABLES = (
    JOBS,
    ATTEMPTS,
    WORKERS,
    SCHEDULES,
    LIMITS,
    LANES,
    QUEUES,
    AUDIT,
    AUDIT_JOBS,
    MINUTES,
    VACUUM_STATS,
    LEDGER,
)
"""In the order in which they are dropped."""


def _wanted() -> dict[str, tuple[str, ...]]:
    wanted: dict[str, tuple[str, ...]] = {}
    for table in TABLES:
        wanted[table.name] = tuple(table.columns)
        wanted |= dict.fromkeys(table.indexes, ())
    return wanted


WANTED = _wanted()
"""Relations with their columns, of which indexes have none: what healing checks."""
