"""Log records that say which job they belong to."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from pg_scheduler import Scheduler
from pg_scheduler.logs import JobFilter, JsonFormatter
from pg_scheduler.testing import MemoryDriver, drain


@pytest.fixture
def lines() -> Any:
    """A logger of the program's own, and what it has written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(JobFilter())
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("shop")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


async def test_lines_of_a_job_name_it_in_the_loop_and_in_a_thread(lines: Any) -> None:
    async def on_the_loop() -> None:
        logging.getLogger("shop").info("sold %s", 3, extra={"price": 7, "attempt": "mine"})

    def in_a_thread() -> None:
        try:
            raise KeyError("x")
        except KeyError:
            logging.getLogger("shop").exception("lost")

    scheduler = Scheduler(MemoryDriver())
    first = await scheduler.using(queue="mail").enqueue(on_the_loop)
    scheduler.register(in_a_thread, executor="thread")
    await drain(scheduler)
    second = await scheduler.enqueue(in_a_thread)
    await drain(scheduler)
    one, other = lines()
    assert (one["message"], one["level"], one["logger"], one["price"]) == ("sold 3", "INFO", "shop", 7)
    assert (one["job_id"], one["queue"], one["attempt"]) == (str(first), "mail", "mine")
    assert one["task"].endswith("on_the_loop")
    assert (other["job_id"], other["attempt"]) == (str(second), 1)
    assert "KeyError: 'x'" in other["traceback"]


def test_lines_outside_of_jobs_have_nothing_of_one(lines: Any) -> None:
    logging.getLogger("shop").warning("open \N{SNOWMAN}\n", extra={"of": object})
    (line,) = lines()
    assert set(line) == {"at", "level", "logger", "message", "of"}
    assert line["of"] == "<class 'object'>"


def test_the_trace_is_named_where_there_is_one(lines: Any) -> None:
    with TracerProvider().get_tracer("web").start_as_current_span("GET /") as span:
        logging.getLogger("shop").info("x")
    (line,) = lines()
    assert int(line["trace_id"], 16) == span.get_span_context().trace_id
