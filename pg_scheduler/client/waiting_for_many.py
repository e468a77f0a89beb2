"""Waiting for many jobs: one look, and one connection that listens, for all of a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Generic, NamedTuple

from pg_scheduler.client.job_handle import HandleBackend, JobHandle, client_of
from pg_scheduler.client.result_type import R, R_co
from pg_scheduler.domain.errors import InvalidInput, JobNotFound, shown
from pg_scheduler.domain.states import JobStatus


class Ended(NamedTuple, Generic[R_co]):
    """A job that has ended."""

    job: JobHandle[R_co]
    status: JobStatus | None
    """How; None if it is gone: deleted, or never stored."""


async def as_ended(
    jobs: Iterable[JobHandle[R]], timeout: timedelta | float | None = None
) -> AsyncGenerator[Ended[R], None]:
    """Jobs in the order in which they end, those that had ended before first:
    ``async for job, status in as_ended(jobs)``. A wait that has begun outlasts an outage of the database.

    Raises:
        WaitTimeout: some have not ended within `timeout` (timedelta or seconds; None waits for ever).
        ConnectionLost: the database is out of reach as the wait begins.
    """
    async with aclosing(_batches(_handles(jobs), timeout)) as batches:
        async for batch in batches:
            for ended in batch:
                yield ended


async def wait_all(
    jobs: Iterable[JobHandle[Any]],
    timeout: timedelta | float | None = None,
    on_progress: Callable[[int, int], object] | None = None,
) -> list[JobStatus]:
    """Wait until all jobs have ended; the statuses they ended with, in their order. A wait that has begun
    outlasts an outage of the database.

    Args:
        on_progress: called with how many have ended, and how many there are: at first with 0, then whenever
            more have. ``current_job().progress`` will do.

    Raises:
        WaitTimeout: some have not ended within `timeout` (timedelta or seconds; None waits for ever).
        JobNotFound: one of them is gone.
        ConnectionLost: the database is out of reach as the wait begins.
    """
    handles = _handles(jobs)
    statuses: dict[tuple[HandleBackend, str], JobStatus] = {}
    done = 0
    if on_progress is not None:
        on_progress(0, len(handles))
    async with aclosing(_batches(handles, timeout)) as batches:
        async for batch in batches:
            for job, status in batch:
                if status is None:
                    raise JobNotFound(str(job))
                statuses[client_of(job), job] = status
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(handles))
    return [statuses[client_of(job), job] for job in handles]


def _handles(jobs: Iterable[JobHandle[R]]) -> list[JobHandle[R]]:
    handles = list(jobs)
    for place, job in enumerate(handles):
        if not isinstance(job, JobHandle):
            raise InvalidInput(
                f"jobs[{place}]", f"expected a JobHandle, got {shown(job)}", "scheduler.handle(id) makes one"
            )
    return handles


async def _batches(
    handles: Sequence[JobHandle[R]], timeout: timedelta | float | None
) -> AsyncGenerator[list[Ended[R]], None]:
    """Those that have ended, together as they are found."""
    groups: dict[HandleBackend, dict[str, list[JobHandle[R]]]] = {}
    for job in handles:
        groups.setdefault(client_of(job), {}).setdefault(str(job), []).append(job)
    streams = [_ends(client, group, timeout) for client, group in groups.items()]
    if len(streams) == 1:
        merged: AsyncGenerator[list[Ended[R]], None] = streams[0]
    else:
        merged = _merged(streams)
    async with aclosing(merged):
        async for batch in merged:
            yield batch


async def _ends(
    client: HandleBackend, group: dict[str, list[JobHandle[R]]], timeout: timedelta | float | None
) -> AsyncGenerator[list[Ended[R]], None]:
    async with aclosing(client.ends(list(group), timeout)) as ends:
        async for statuses in ends:
            yield [Ended(job, status) for job_id, status in statuses.items() for job in group[job_id]]


async def _merged(
    streams: Sequence[AsyncIterator[list[Ended[R]]]],
) -> AsyncGenerator[list[Ended[R]], None]:
    """What several clients tell, as it comes."""
    arriving: asyncio.Queue[list[Ended[R]] | asyncio.Future[None]] = asyncio.Queue()

    async def forward(stream: AsyncIterator[list[Ended[R]]]) -> None:
        async for batch in stream:
            arriving.put_nowait(batch)

    tasks = [asyncio.ensure_future(forward(stream)) for stream in streams]
    for task in tasks:
        task.add_done_callback(arriving.put_nowait)
    try:
        left = len(tasks)
        while left:
            news = await arriving.get()
            if isinstance(news, list):
                yield news
            else:
                news.result()
                left -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
