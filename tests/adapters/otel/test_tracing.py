"""Traces, seen through the SDK's own exporter in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from pg_scheduler import Queries, RetryAfter, Scheduler, Snooze, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.testing import MemoryDriver, drain
from pg_scheduler_otel import Tracing


class Spans:
    """What was exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def named(self, begin: str) -> Sequence[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name.startswith(begin)]


@pytest.fixture
def spans() -> Spans:
    return Spans()


def scheduler_with(spans: Spans, **options: Any) -> Scheduler:
    return Scheduler(MemoryDriver(), middleware=[Tracing(spans.provider, **options)])


async def work(seen: str = "") -> None:
    """A job."""


async def test_an_attempt_is_a_trace_of_its_own_that_links_to_what_stored_the_job(spans: Spans) -> None:
    scheduler = scheduler_with(spans)
    handle = await scheduler.enqueue(work)
    await drain(scheduler)
    (stored,), (attempt,) = spans.named("send"), spans.named("process")
    assert (stored.kind, attempt.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert [link.context.span_id for link in attempt.links] == [stored.context.span_id]
    assert attempt.context.trace_id != stored.context.trace_id
    assert attempt.attributes is not None
    assert dict(attempt.attributes) | {"messaging.operation.name": "process"} == {
        "messaging.system": "pg_scheduler",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": str(handle),
        "pg_scheduler.task": attempt.name.removeprefix("process "),
        "pg_scheduler.attempt": 1,
        "pg_scheduler.retry_count": 0,
    }


async def test_as_its_parent_it_belongs_to_the_trace_of_the_request(spans: Spans) -> None:
    scheduler = scheduler_with(spans, as_parent=True)
    with spans.provider.get_tracer("web").start_as_current_span("GET /") as request:
        await scheduler.enqueue(work)
    await drain(scheduler)
    (attempt,) = spans.named("process")
    assert attempt.context.trace_id == request.get_span_context().trace_id
    assert not attempt.links


async def test_what_the_function_does_is_within_the_attempts_span(spans: Spans) -> None:
    scheduler = scheduler_with(spans)
    seen: list[int] = []

    async def look() -> None:
        seen.append(get_current_span().get_span_context().span_id)

    await scheduler.enqueue(look)
    await drain(scheduler)
    (attempt,) = spans.named("process")
    assert seen == [attempt.context.span_id]


async def test_attempts_of_one_job_are_spans_that_all_link_to_its_origin(spans: Spans) -> None:
    scheduler = scheduler_with(spans)

    async def third_time_lucky() -> None:
        if current_job().retry_count == 0:
            raise RetryAfter(timedelta(0))
        if current_job().retry_count == 1:
            raise ConnectionError("no")

    await scheduler.using(max_retries=5).enqueue(third_time_lucky)
    await drain(scheduler)
    (stored,) = spans.named("send")
    first, *_ = attempts = spans.named("process")
    assert {span.links[0].context.span_id for span in attempts} == {stored.context.span_id}
    assert first.status.status_code is StatusCode.ERROR
    assert (first.attributes or {})["error.type"] == "pg_scheduler.domain.errors.RetryAfter"


async def test_a_failure_is_told_with_its_class_and_a_snooze_is_none(spans: Spans) -> None:
    scheduler = scheduler_with(spans)
    asleep: list[int] = []

    async def fails() -> None:
        raise KeyError("secret")

    async def snoozes() -> None:
        if not asleep:
            asleep.append(1)
            raise Snooze(timedelta(0))

    await scheduler.enqueue(fails)
    await drain(scheduler)
    (failed,) = spans.named("process")
    assert (failed.attributes or {})["error.type"] == "builtins.KeyError"
    assert [event.name for event in failed.events] == ["exception"]
    await scheduler.enqueue(snoozes)
    await drain(scheduler)
    _, snoozed, done = spans.named("process")
    assert (snoozed.attributes or {})["pg_scheduler.outcome"] == "snoozed"
    assert snoozed.status.status_code is StatusCode.UNSET
    assert "pg_scheduler.outcome" not in (done.attributes or {})


async def test_headers_of_the_programs_own_stay(spans: Spans) -> None:
    scheduler = scheduler_with(spans)
    seen: dict[str, Any] = {}

    async def look() -> None:
        seen.update(current_job().headers)

    await scheduler.using(headers={"tenant": 7, "tracestate": 5}).enqueue(look)
    await drain(scheduler)
    assert seen["tenant"] == 7
    assert seen["traceparent"].startswith("00-")


async def test_entrypoints_are_traced_too_in_the_database(dsn: str, library: Library, spans: Spans) -> None:
    from pg_scheduler import PgQueuer

    application = PgQueuer(dsn, library=library, middleware=[Tracing(spans.provider)])
    ran = asyncio.Event()

    @application.entrypoint("mail")
    async def mail(job: Any) -> None:
        ran.set()

    await Queries(application.scheduler).enqueue("mail", b"x")
    await application.run(mode="drain")
    assert ran.is_set()
    (stored,), (attempt,) = spans.named("send mail"), spans.named("process mail")
    assert attempt.links[0].context.span_id == stored.context.span_id
