"""Spans for the storing of jobs and for their attempts, tied together by the jobs' headers.

Names and attributes follow OpenTelemetry's semantic conventions for messaging: the store of a job is a
PRODUCER span ``send TASK``, an attempt is a CONSUMER span ``process TASK``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
    get_tracer,
)

from pg_scheduler.domain.errors import RetryAfter, Snooze
from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.ports.middleware import Middleware, OutgoingJob

SYSTEM = "pg_scheduler"


class Tracing(Middleware):
    """Middleware that traces: what stores a job and each attempt at it are spans.

    The context of the one travels in the job's headers (``traceparent``, and whatever else the program's
    propagator writes). An attempt links to it and begins a trace of its own, because a job may run a month
    later and many times; with `as_parent` it belongs to the trace of what stored it.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None, *, as_parent: bool = False) -> None:
        self._tracer: Tracer = get_tracer("pg_scheduler", tracer_provider=tracer_provider)
        self._as_parent = as_parent

    def before_enqueue(self, job: OutgoingJob) -> None:
        """Note the context of a span of its own in the job's headers."""
        with self._tracer.start_as_current_span(
            f"send {job.task_name}",
            kind=SpanKind.PRODUCER,
            attributes=_attributes("send", job.queue, job.job_id, job.task_name),
        ):
            propagate.inject(job.headers)

    async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
        """Run an attempt within a span."""
        with self._attempt(job) as span:
            try:
                return await call()
            except Snooze:
                span.set_attribute("pg_scheduler.outcome", "snoozed")
                raise
            except RetryAfter as error:
                _failed(span, error if error.__cause__ is None else error.__cause__)
                raise
            except BaseException as error:
                _failed(span, error)
                raise

    @contextmanager
    def _attempt(self, job: JobContext) -> Iterator[Span]:
        stored_by = propagate.extract(_carrier(job.headers), Context())
        origin = get_current_span(stored_by).get_span_context()
        known = origin.is_valid
        with self._tracer.start_as_current_span(
            f"process {job.task_name}",
            context=stored_by if known and self._as_parent else Context(),
            kind=SpanKind.CONSUMER,
            links=[Link(origin)] if known and not self._as_parent else None,
            attributes={
                **_attributes("process", job.queue, job.job_id, job.task_name),
                "pg_scheduler.attempt": job.attempt,
                "pg_scheduler.retry_count": job.retry_count,
            },
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


def _attributes(operation: str, queue: str, job_id: str, task_name: str) -> dict[str, str | int]:
    return {
        "messaging.system": SYSTEM,
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": queue,
        "messaging.message.id": job_id,
        "pg_scheduler.task": task_name,
    }


def _carrier(headers: dict[str, Any]) -> dict[str, str]:
    """The headers that a propagator can read: other values are the program's own."""
    return {name: value for name, value in headers.items() if isinstance(value, str)}


def _failed(span: Span, error: BaseException) -> None:
    kind = type(error)
    span.set_attribute("error.type", f"{kind.__module__}.{kind.__qualname__}")
    span.record_exception(error)
    span.set_status(StatusCode.ERROR, kind.__qualname__)
