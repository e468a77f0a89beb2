"""What is too large or too deep is refused with a typed error, before any database is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pg_scheduler import InvalidInput, JobSpec, Queries, Scheduler
from pg_scheduler.client.enqueue_request import MAX_PAYLOAD
from pg_scheduler.client.source import Library
from pg_scheduler.engine.codec.json_codec import MAX_BYTES
from pg_scheduler.engine.codec.json_encoding import MAX_DEPTH, MAX_VALUES
from tests.support.running import past

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"


async def take(*args: Any, **kwargs: Any) -> None:
    """Never runs."""


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


def in_list(value: Any) -> Any:
    return [value]


def in_tuple(value: Any) -> Any:
    return (value,)


def in_dict(value: Any) -> Any:
    return {"key": value}


TOO_MUCH: dict[str, Callable[[], Any]] = {
    "too many bytes": lambda: "x" * (MAX_BYTES + 1),
    "too many bytes together": lambda: ["ä" * (MAX_BYTES // 4)] * 3,
    "too many values": lambda: [0] * (MAX_VALUES + 1),
    "the same list over and over": lambda: nested(60, lambda value: [value, value]),
    "deep lists": lambda: nested(MAX_DEPTH + 1, in_list),
    "deep tuples": lambda: nested(MAX_DEPTH + 1, in_tuple),
    "deep dicts": lambda: nested(MAX_DEPTH + 1, in_dict),
    "very deep": lambda: nested(100_000, in_list),
}

CALLS: dict[str, Callable[[Scheduler, Any], Any]] = {
    "args": lambda s, value: s.schedule(take, execution_time=past(), args=(value,)),
    "kwargs": lambda s, value: s.schedule(take, execution_time=past(), kwargs={"a": value}),
    "bulk": lambda s, value: s.schedule_bulk([JobSpec(take, past(), args=(value,))]),
    "by name": lambda s, value: s.schedule_job("app:take", past(), {"args": [value]}),
    "a schedule": lambda s, value: s.add_schedule(take, cron="* * * * *", kwargs={"a": value}),
    "headers": lambda s, value: Queries(s).enqueue("take", headers={"a": value}),
    "headers of a batch": lambda s, value: Queries(s).enqueue(["a", "b"], headers=[None, {"a": value}]),
}


@pytest.mark.parametrize(
    ("call", "value"),
    [*(("args", value) for value in TOO_MUCH), *((call, "deep lists") for call in CALLS)],
)
async def test_too_much_is_refused_before_any_sql(call: str, value: str) -> None:
    scheduler = Scheduler(NOWHERE)
    with pytest.raises(InvalidInput) as refused:
        await CALLS[call](scheduler, TOO_MUCH[value]())
    assert len(str(refused.value)) < 500, "the refusal does not repeat it"
    await scheduler.shutdown()


@pytest.mark.parametrize("payload", [bytes(MAX_PAYLOAD + 1), [b"", bytes(MAX_PAYLOAD + 1)]])
async def test_a_payload_that_is_too_large_is_refused_before_any_sql(library: Library, payload: Any) -> None:
    scheduler = Scheduler(NOWHERE, library=library)
    with pytest.raises(InvalidInput, match="payload: "):
        await Queries(scheduler).enqueue("take", payload)
    await scheduler.shutdown()


@pytest.mark.parametrize("field", ["dedupe_key", "limit_key"])
async def test_keys_are_as_short_as_names(library: Library, field: str) -> None:
    scheduler = Scheduler(NOWHERE, library=library)
    for key in ("x" * 256, "x" * 10_000_000):
        options: dict[str, Any] = {field: key}
        with pytest.raises(InvalidInput, match=f"{field}: .* the limit is 255"):
            await Queries(scheduler).enqueue("take", **options)
    await scheduler.shutdown()
