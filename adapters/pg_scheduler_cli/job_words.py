"""Describes jobs, for people and for programs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.priority import name_of_rank, priority_of_rank
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.running.arguments import NO_ARGUMENTS
from pg_scheduler_cli.tracebacks import hidden

SHOWN_AT_MOST = 500
"""Maximum number of characters shown of a payload, arguments or a result, without ``--full``."""


def summary_of(job: JobRecord) -> dict[str, Any]:
    """What `pgq jobs list` shows of a job; payload and arguments are omitted."""
    return {
        "id": job.job_id,
        "queue": job.queue,
        "entrypoint": job.task_name,
        "status": str(job.status),
        "rank": job.rank,
        "priority": priority_of_rank(job.rank),
        "execute_after": job.execution_time,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "attempts": job.attempt_count,
        "worker_id": job.worker_id,
        "cancel_requested": job.cancel_requested,
    }


def rank_shown(rank: int) -> str:
    """A rank with its name, if it has one: ``3 high``."""
    name = name_of_rank(rank)
    return str(rank) if name is None else f"{rank} {name}"


def facts_of(job: JobRecord, full: bool) -> dict[str, Any]:
    """Everything that is stored about a job."""
    arguments = None if job.task_data in NO_ARGUMENTS else job.task_data
    return {
        **summary_of(job),
        "payload": None if job.payload is None else shortened(_text_of(job.payload), full),
        "payload_encoding": None if job.payload is None else _encoding_of(job.payload),
        "payload_bytes": None if job.payload is None else len(job.payload),
        "arguments": None if arguments is None else shortened(arguments, full),
        "headers": None if job.headers is None else JsonCodec().decode_result(job.headers),
        "dedupe_key": job.dedupe_key,
        "limit_key": job.limit_key or None,
        "progress": job.progress,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "crash_count": job.crash_count,
        "timeout": job.timeout,
        "misfire_grace_seconds": job.misfire_grace_seconds,
        "lease_until": job.lease_until,
        "epoch": job.epoch,
        "schedule": job.schedule_key,
        "window": job.schedule_window,
        "result": None if job.result is None else shortened(job.result, full),
        "error": None if job.error_message is None else hidden(job.error_message),
    }


def attempt_facts(attempt: AttemptRecord) -> dict[str, Any]:
    """One attempt that did not simply complete the job."""
    return {
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "worker_id": attempt.worker_id,
        "error": None if attempt.error_message is None else hidden(attempt.error_message),
        "traceback": None if attempt.traceback is None else hidden(attempt.traceback),
    }


def _encoding_of(payload: bytes) -> str:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return "base64"
    return "utf-8"


def _text_of(payload: bytes) -> str:
    return payload.decode() if _encoding_of(payload) == "utf-8" else base64.b64encode(payload).decode()


def shortened(text: str, full: bool) -> str:
    """The beginning of the text, with a note of how much is missing; all of it if `full`."""
    if full or len(text) <= SHOWN_AT_MOST:
        return text
    return f"{text[:SHOWN_AT_MOST]}... ({len(text) - SHOWN_AT_MOST} more characters: --full)"


def harmless(value: Any) -> Any:
    """Text from a job that is safe to print: control characters, which a terminal would obey, are escaped."""
    if not isinstance(value, str):
        return value
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else ascii(letter)[1:-1] for letter in value
    )


def lines_of(facts: dict[str, Any], attempts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The facts for people: progress as ``3 of 10``, the order of rank and priority explained, and facts that
    are None left out."""
    shown = {name: harmless(value) for name, value in facts.items() if value is not None}
    if (progress := facts["progress"]) is not None:
        total = "" if progress.total is None else f" of {progress.total:g}"
        shown["progress"] = f"{progress.done:g}{total}"
    shown["rank"] = f"{rank_shown(facts['rank'])} (smaller first)"
    shown["priority"] = f"{facts['priority']} (higher first)"
    return shown | {"history": f"{len(attempts)} attempts that did not complete it"} if attempts else shown
