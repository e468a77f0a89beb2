"""One job: what it is, why it does not run, what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.job_facts import JobFacts
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.priority import name_of_rank
from pg_scheduler.domain.why import explain, must_act
from pg_scheduler.ports.insight import Insight
from pg_scheduler_web.access import Right
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.failures_in_words import NOT_ALLOWED, READ_ONLY
from pg_scheduler_web.screen import Missing, Region, Screen, Topic
from pg_scheduler_web.words import json_shown, of_arguments


class Step(NamedTuple):
    """A point of the job's life."""

    at: datetime | None
    what: str
    mood: str
    """A status, as the stylesheet knows it."""
    detail: str = ""


async def _job(inquiry: Inquiry) -> Mapping[str, Any]:
    job_id = inquiry.fields.need("id")
    insight = (await inquiry.desk.primary()).insight  # who holds the row is known there alone
    facts, job = await _facts(inquiry, insight, job_id)
    if job is None:
        raise Missing(f"There is no job {job_id!r}: it was deleted by retention, or never stored.")
    attempts = await insight.attempts(job_id)
    reasons = () if facts is None else explain(facts)
    return {
        "job": job,
        "now": inquiry.now if facts is None else facts.now,
        "reasons": reasons,
        "must_act": must_act(reasons),
        "attempts": list(reversed(attempts)),
        "steps": timeline(job, attempts),
        "rank_name": name_of_rank(job.rank),
        "data": _data(job, inquiry) if inquiry.access.may(Right.SEE_ARGS) else None,
    }


async def _facts(inquiry: Inquiry, insight: Insight, job_id: str) -> tuple[JobFacts | None, JobRecord | None]:
    """What decides about the job; and the job alone, where this role, or this server, lets nobody try whether
    its row is free."""
    try:
        facts = await insight.facts_about(job_id, now=inquiry.pinned)
    except DatabaseError as error:
        if error.sqlstate not in (NOT_ALLOWED, READ_ONLY):
            raise
        return None, await insight.job(job_id)
    return facts, None if facts is None else facts.job


def timeline(job: JobRecord, attempts: Sequence[AttemptRecord]) -> list[Step]:
    """What happened, in order, and what comes next."""
    steps = [Step(job.created_at, "stored", "pending")]
    if job.schedule_window is not None:
        steps[0] = Step(job.created_at, "staged", "pending", f"for its window in {job.schedule_key}")
    for one in attempts:
        if one.started_at is not None:
            steps.append(
                Step(one.started_at, f"attempt {one.attempt} started", "running", one.worker_id or "")
            )
        steps.append(Step(one.finished_at, _OUTCOMES.get(one.outcome, one.outcome), one.outcome))
    if job.status.finished:
        last = attempts[-1] if attempts else None
        if job.status == "completed" and job.started_at is not None:
            number = f"attempt {job.attempt_count} started"
            steps.append(Step(job.started_at, number, "running", job.worker_id or ""))
        if last is None or last.outcome != job.status:
            steps.append(Step(job.finished_at, str(job.status), str(job.status)))
    elif job.status == "running":
        steps.append(
            Step(job.started_at, f"attempt {job.attempt_count} started", "running", job.worker_id or "")
        )
        steps.append(Step(None, "running", "now"))
    else:
        steps.append(Step(job.execution_time, "due", "pending"))
    return steps


_OUTCOMES = {
    "retry": "failed, to be tried again",
    "failed": "failed",
    "cancelled": "cancelled",
    "released": "given back by its worker",
    "snoozed": "asked to be run again later",
    "lost": "lost: its worker went silent",
}


def _data(job: JobRecord, inquiry: Inquiry) -> dict[str, str | None]:
    redact = inquiry.desk.redact
    payload = None if job.payload is None else job.payload.decode("utf-8", errors="backslashreplace")
    return {
        "Arguments": of_arguments(job.task_data, redact),
        "Payload": json_shown(payload, redact),
        "Headers": json_shown(job.headers, redact),
        "Result": json_shown(job.result, redact),
    }


JOB = Screen(
    "job",
    "/job",
    lambda fields: f"Job {fields.get('id') or ''}",
    (Region("job", _job, (Topic.JOBS, Topic.WORKERS, Topic.QUEUES)),),
    section="jobs",
)
