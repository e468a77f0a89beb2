"""The facts about one job, from the row of their statement."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.domain.job_facts import GateFacts, JobFacts, RowHolder, Run, WorkerFacts
from pg_scheduler.domain.limits import LaneState, TaskLimits
from pg_scheduler.domain.model import AttemptRecord
from pg_scheduler_postgres.conversions import instant, utc
from pg_scheduler_postgres.rows import job_record
from pg_scheduler_postgres.session import Row
from pg_scheduler_postgres.worker_rows import state_in, wish_in


def job_facts(row: Row) -> JobFacts:
    """All of it."""
    runs = _runs(row["other_runs"])
    held = row["row_is_held"]
    return JobFacts(
        job=job_record(row),
        now=instant(row["now"]),
        last_attempt=_last_attempt(row),
        task_paused_since=utc(row["task_paused_since"]),
        queue_paused_since=utc(row["queue_paused_since"]),
        lane=_gate(row, "lane"),
        queue=_gate(row, "queue"),
        workers=tuple(_worker(worker) for worker in json.loads(row["workers"] or "[]")),
        known_names=tuple(row["known_names"] or ()),
        ahead=row["ahead"],
        other_run=runs[0] if runs else None,
        row_is_held=held,
        held_by=_holder(row["holder"]) if held else None,
    )


def _gate(row: Row, which: str) -> GateFacts:
    limits = TaskLimits(row[f"{which}_concurrency"], row[f"{which}_rate"])
    claimed_at = utc(row[f"{which}_claimed_at"])
    state = None if claimed_at is None else LaneState(claimed_at, utc(row[f"{which}_refilled_at"]))
    running = 0 if limits.concurrency is None else limits.concurrency - row[f"{which}_slots"]
    return GateFacts(limits, running, state, _runs(row[f"{which}_holders"]))


def _runs(text: str | None) -> tuple[Run, ...]:
    return tuple(
        Run(run["job_id"], run["worker_id"], _time(run["started_at"])) for run in json.loads(text or "[]")
    )


def _worker(worker: dict[str, Any]) -> WorkerFacts:
    plain = (
        "worker_id", "alive", "knows", "chosen", "serves", "running", "capacity", "running_of_queue",
        "queue_slots", "listening", "app_version",
    )  # fmt: skip
    return WorkerFacts(
        **{name: worker[name] for name in plain},
        wish=wish_in(worker),
        state=state_in(worker),
        seen_ago=timedelta(seconds=worker["seen_seconds_ago"]),
    )


def _last_attempt(row: Row) -> AttemptRecord | None:
    if row["last_epoch"] is None:
        return None
    return AttemptRecord(
        job_id=row["job_id"],
        epoch=row["last_epoch"],
        attempt=row["last_attempt"],
        worker_id=row["last_worker_id"],
        started_at=utc(row["last_started_at"]),
        finished_at=instant(row["last_finished_at"]),
        outcome=row["last_outcome"],
        error_message=row["last_error"],
        traceback=None,
    )


def _holder(text: str | None) -> RowHolder | None:
    if text is None:
        return None
    found = json.loads(text)
    since = None if found["seconds"] is None else timedelta(seconds=found["seconds"])
    return RowHolder(found["pid"], found["application_name"] or None, found["state"], since)


def _time(text: str | None) -> datetime | None:
    return None if text is None else utc(datetime.fromisoformat(text))
