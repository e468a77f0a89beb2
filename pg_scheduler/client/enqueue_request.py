"""Turns the arguments of `enqueue` into jobs that can be stored: all validation, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler.client.fresh_ids import fresh_ids
from pg_scheduler.client.headers import encoded_headers
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import (
    MAX_INT4,
    checked_count,
    checked_duration,
    checked_instance,
    checked_time,
)
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.priority import rank_of_priority
from pg_scheduler.domain.queues import DEFAULT_QUEUE, checked_queue
from pg_scheduler.domain.retry import MAX_DELAY
from pg_scheduler.engine.running.arguments import NO_ARGUMENTS
from pg_scheduler.ports.clock import Clock

MAX_PAYLOAD = 64 * 1024 * 1024
"""Bytes. Larger ones belong into a table or file of their own, and their key into the payload."""

_LISTS = ("payload", "priority", "execute_after", "dedupe_key", "headers", "limit_key", "queue")


@dataclass(frozen=True, slots=True)
class EnqueueRequest:
    """The arguments of `Queries.enqueue`."""

    entrypoint: object
    payload: object
    priority: object
    execute_after: object
    dedupe_key: object
    headers: object
    limit_key: object
    max_retries: object
    timeout: object
    store_result: object
    queue: object


def batch_of(
    request: EnqueueRequest, clock: Clock, queue_of: Callable[[str], str] = lambda entrypoint: DEFAULT_QUEUE
) -> list[NewJob]:
    """The jobs to store, in order. `queue_of` says where those of an entrypoint wait that were told nothing.

    Raises:
        InvalidInput: naming the argument, in a batch with its position.
    """
    length = _length(request)
    jobs = []
    now = clock.now()
    # Jobs of a batch are due in the same instant, so their ids decide who comes first: they grow.
    ids = fresh_ids(now, 1 if length is None else length)
    for position, job_id in enumerate(ids):
        one = {name: _at(getattr(request, name), position, length) for name in ("entrypoint", *_LISTS)}
        try:
            if one["queue"] is None:
                one["queue"] = queue_of(checked_name("entrypoint", one["entrypoint"]))
            jobs.append(_job(request, job_id, one, now))
        except InvalidInput as error:
            if length is not None:
                error.add_note(f"It is job {position} of the batch; nothing was stored.")
            raise
    return jobs


def _length(request: EnqueueRequest) -> int | None:
    """How long the batch is; None: it is none."""
    if not _is_list(request.entrypoint) and not _is_list(request.payload):
        for name in _LISTS:
            if _is_list(getattr(request, name)):
                raise InvalidInput(name, "is a list, but neither entrypoint nor payload is")
        return None
    lengths = {
        name: len(getattr(request, name))
        for name in ("entrypoint", *_LISTS)
        if _is_list(getattr(request, name))
    }
    if len(set(lengths.values())) > 1:
        described = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise InvalidInput("entrypoint", f"the lists of a batch differ in length ({described})")
    return next(iter(lengths.values()))


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def _at(value: Any, position: int, length: int | None) -> Any:
    return value[position] if length is not None and _is_list(value) else value


def _job(request: EnqueueRequest, job_id: str, one: Mapping[str, Any], now: datetime) -> NewJob:
    due, delay = _when(one["execute_after"], now)
    return NewJob(
        job_id=job_id,
        fresh_id=True,
        task_name=checked_name("entrypoint", one["entrypoint"]),
        execution_time=due,
        delay=delay,
        task_data=NO_ARGUMENTS[1],
        rank=_rank(one["priority"]),
        max_retries=checked_count("max_retries", request.max_retries),
        timeout=checked_duration("timeout", request.timeout),
        store_result=checked_instance("store_result", request.store_result, bool),
        payload=_payload(one["payload"]),
        headers=encoded_headers(one["headers"]),
        dedupe_key=None if one["dedupe_key"] is None else checked_name("dedupe_key", one["dedupe_key"]),
        limit_key=None if one["limit_key"] is None else checked_name("limit_key", one["limit_key"]),
        queue=checked_queue(one["queue"]),
    )


def _when(value: object, now: datetime) -> tuple[datetime, timedelta | None]:
    """The due time, and, where the database's clock is to count, the delay."""
    if value is None:
        return now, timedelta(0)
    if isinstance(value, timedelta):
        if abs(value) > MAX_DELAY:
            raise InvalidInput("execute_after", f"expected at most a century, got {value}")
        return now, value
    return checked_time("execute_after", value).astimezone(UTC), None


def _rank(priority: object) -> int:
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise InvalidInput("priority", f"expected a whole number, got {shown(priority)}")
    rank = rank_of_priority(priority)
    if not -MAX_INT4 <= rank <= MAX_INT4:
        raise InvalidInput("priority", f"out of range: {shown(priority)}")
    return rank


def _payload(value: object) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise InvalidInput("payload", "expected bytes, got str", "Encode it: payload=text.encode()")
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InvalidInput(
            "payload", f"expected bytes, got {type(value).__name__}", "For example json.dumps(value).encode()"
        )
    if len(value) > MAX_PAYLOAD:
        raise InvalidInput("payload", f"{len(value)} bytes; the limit is {MAX_PAYLOAD}")
    return bytes(value)
