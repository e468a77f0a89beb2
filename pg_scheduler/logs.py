"""Log records that say which job they belong to.

::

    handler = logging.StreamHandler()
    handler.addFilter(JobFilter())
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from pg_scheduler.ports.job_context import context_of_running_job

__all__ = ["JobFilter", "JsonFormatter"]

_OF_EVERY_RECORD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime"}


class JobFilter(logging.Filter):
    """Adds to each record `job_id`, `task`, `queue` and `attempt` of the job that runs where it is logged, in
    the event loop or in a thread, and `trace_id` where OpenTelemetry traces it; None where there is none. It
    lets every record pass, and changes nothing that the record says already.

    Put it on a handler: a filter on a logger does not see the records of loggers below.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add them."""
        job = context_of_running_job()
        facts: dict[str, Any] = {
            "job_id": None if job is None else job.job_id,
            "task": None if job is None else job.task_name,
            "queue": None if job is None else job.queue,
            "attempt": None if job is None else job.attempt,
            "trace_id": _trace_id(),
        }
        for name, value in facts.items():
            if getattr(record, name, None) is None:
                setattr(record, name, value)
        return True


def _trace_id() -> str | None:
    """Of the current span. Whoever has not imported OpenTelemetry has none."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `at` (UTC), `level`, `logger`, `message`, whatever was given as `extra` (and
    `JobFilter` has added), and `traceback`. What JSON has no form for is written as its `repr`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {
            name: value
            for name, value in vars(record).items()
            if name not in _OF_EVERY_RECORD and value is not None
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=repr, ensure_ascii=True)
