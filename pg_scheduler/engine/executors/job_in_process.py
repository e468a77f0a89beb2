"""A running job as its function finds it in a worker process, and what that says to the parent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pg_scheduler.domain.model import Lease, Progress
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.ports.job_context import JobContext, running_as

PROGRESS = b"p"
"""How a message begins that is no answer, but a word about progress; an answer is a JSON list."""
INTERVAL = 0.1
"""Seconds between two words: only the latest counts, and it comes before the answer."""

Facts = list[Any]
"""What a process is told of the job."""


def facts_of(context: JobContext) -> Facts:
    """For `job_here` in another process."""
    return [
        context.job_id,
        context.task_name,
        context.attempt,
        context.retry_count,
        context.max_retries,
        context.execution_time,
        context.queue,
        context.headers_text,
    ]


@contextmanager
def job_here(facts: Facts, send: Callable[[bytes], None]) -> Iterator[None]:
    """Within the block `current_job()` is this job; `send` sends bytes to the parent."""
    job_id, task_name, attempt, retry_count, max_retries, execution_time, queue, headers = facts
    host = _Parent(send)
    context = JobContext(
        job_id,
        task_name,
        attempt,
        retry_count,
        max_retries,
        execution_time,
        queue,
        _host=host,
        _lease=Lease(job_id, 0),
        _headers=headers,
    )
    try:
        with running_as(context):
            yield
    finally:
        host.leave()


def progress_in(message: bytes) -> Progress:
    """What a message that begins with `PROGRESS` says."""
    done, total = JsonCodec().decode_result(message[len(PROGRESS) :].decode())
    return Progress(done, total)


class _Parent:
    """`JobHost` in a worker process: the parent, at the other end of the pipe."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._open = True
        self._waiting: Progress | None = None
        self._sent_at = 0.0

    def report(self, lease: Lease, progress: Progress) -> None:
        """From any thread; what the function has forked is not heard."""
        if os.getpid() != self._process:
            return
        with self._lock:
            if not self._open:
                return  # a thread that outlives its function
            self._waiting = progress
            if time.monotonic() - self._sent_at >= INTERVAL:
                self._say()

    def leave(self) -> None:
        """The last word; none is sent from now on."""
        with self._lock:
            self._open = False
            if self._waiting is not None:
                self._say()

    def _say(self) -> None:
        progress, self._waiting = self._waiting, None
        if progress is not None:
            text = JsonCodec().encode_result([progress.done, progress.total])
            self._send(PROGRESS + text.encode())
            self._sent_at = time.monotonic()

    async def complete(self, lease: Lease, connection: Any, result: Any) -> None:
        """A worker process has no driver."""
        raise RuntimeError("complete_in() works in coroutines and threads; this is a worker process")

    def decode_headers(self, headers: str) -> dict[str, Any]:
        """As they were given."""
        decoded: dict[str, Any] = JsonCodec().decode_result(headers)
        return decoded
