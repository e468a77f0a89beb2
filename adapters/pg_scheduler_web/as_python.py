"""A job as the call that would store one like it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler_web.words import redacted

USUAL_RANK = 5
LONGEST = 4_000
"""Characters of what is worth being copied."""


def as_python(job: JobRecord, redact: Sequence[str]) -> str | None:
    """The call, in ASCII, so that whatever a name or a value holds is pasted as text; None where it cannot be
    written: arguments that are long, no JSON, or hold what only the program's own classes can make."""
    headers = _json(job.headers, {})
    if (
        headers is None
        or max(map(len, (job.task_data or "", job.payload or b"", job.headers or ""))) > LONGEST
    ):
        return None
    if job.payload is not None:
        return _enqueued(job, redacted(headers, redact))
    data = _json(job.task_data, {})
    if not isinstance(data, dict) or _has_tags(data):
        return None
    args, kwargs = redacted(data.get("args", []), redact), redacted(data.get("kwargs", {}), redact)
    given: dict[str, Any] = {"args": args or None, "kwargs": kwargs or None}
    given |= {
        "priority": job.rank if job.rank != USUAL_RANK else None,
        **_common(job, redacted(headers, redact)),
    }
    return _call("scheduler.schedule", [job.task_name], given)


def _enqueued(job: JobRecord, headers: Any) -> str:
    given: dict[str, Any] = {"priority": USUAL_RANK - job.rank or None, **_common(job, headers)}
    return _call("queries.enqueue", [job.task_name, job.payload], given)


def _common(job: JobRecord, headers: Any) -> dict[str, Any]:
    return {
        "queue": job.queue if job.queue != DEFAULT_QUEUE else None,
        "max_retries": job.max_retries or None,
        "limit_key": job.limit_key,
        "headers": headers or None,
    }


def _call(function: str, positional: Sequence[Any], given: dict[str, Any]) -> str:
    parts = [ascii(one) for one in positional]
    parts += [f"{name}={value!a}" for name, value in given.items() if value is not None]
    return f"await {function}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _json(text: str | None, otherwise: Any) -> Any:
    """The value; None if it is none."""
    if not text:
        return otherwise
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _has_tags(value: Any) -> bool:
    """Whether the codec has written something that JSON does not know."""
    if isinstance(value, dict):
        return any(key.startswith("$") for key in value) or any(map(_has_tags, value.values()))
    return isinstance(value, list) and any(map(_has_tags, value))
