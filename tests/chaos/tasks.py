"""The jobs of the scenarios, and how they tell the journal what they do."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pg_scheduler import JobCancelled, JobContext, JobSpec, Scheduler, current_job
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from tests.chaos.journal import Entry, Journal

REPORT_TAKES = 0.6
"""Seconds."""
LIMITS = {"narrow": TaskLimits(concurrency=2), "paced": TaskLimits(rate=20.0)}

_journal: Journal | None = None
_scheduler: Scheduler | None = None
_epochs: dict[str, int] = {}
"""Epoch of the latest attempt that this process started of each job. A job's function reads it in its first
step, which comes before another attempt of the same job can start here."""


class Deliberate(Exception):
    """The failure that a job was told to have."""


class Witness:
    """An Observer that hands each attempt its epoch and writes down what the store answered."""

    def __init__(self, journal: Journal) -> None:
        global _journal
        _journal = self._journal = journal
        self._ready = False

    def job_started(self, job: ClaimedJob) -> None:
        """Called before the job's function takes its first step."""
        _epochs[job.job_id] = job.epoch

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        """The store's answer to a verdict."""
        entry = Entry.ACCEPTED if accepted else Entry.REFUSED
        self._journal.write(entry, job.job_id, job.epoch, verdict.event)
        if _epochs.get(job.job_id) == job.epoch:
            del _epochs[job.job_id]

    def pass_finished(self, service: str) -> None:
        """The first pass of any service tells that the worker has started."""
        if not self._ready:
            self._ready = True
            self._journal.write(Entry.READY, "-", 0)


@contextmanager
def told() -> Iterator[JobContext]:
    """Tell the journal of the attempt in this block: its start, and how it ended."""
    job = current_job()
    journal, epoch = _journal, _epochs[job.job_id]
    assert journal is not None, "this process has no Witness"
    journal.write(Entry.START, job.job_id, epoch)
    try:
        yield job
    except Deliberate:
        journal.write(Entry.FAIL, job.job_id, epoch)
        raise
    except (asyncio.CancelledError, JobCancelled):
        journal.write(Entry.STOP, job.job_id, epoch)
        raise
    journal.write(Entry.END, job.job_id, epoch)


async def work(milliseconds: int, failing_attempt: int = 0, tag: str | None = None) -> None:
    """Take that long; the attempt of that number (1 is the first) fails at its end."""
    with told() as job:
        await asyncio.sleep(milliseconds / 1000)
        if job.attempt == failing_attempt:
            raise Deliberate(job.job_id)


async def block_loop(milliseconds: int, failing_attempt: int = 0) -> None:
    """Take that long without ever letting the event loop go on."""
    with told():
        time.sleep(milliseconds / 1000)  # noqa: ASYNC251


async def hold_gil(milliseconds: int, failing_attempt: int = 0) -> None:
    """The first attempt lets no thread of this process run for that long, or somewhat longer."""
    with told() as job:
        if job.attempt == 1:
            assert _journal is not None
            _journal.write(Entry.SEIZE, job.job_id, _epochs[job.job_id])
            _hold(milliseconds / 1000)


def _hold(seconds: float) -> None:
    # A sum over a range is one call into C that never lets go of the interpreter.
    sample = 3_000_000
    quickest = min(_time_of(sample) for _ in range(3))
    _time_of(int(sample * seconds / quickest))


def _time_of(numbers: int) -> float:
    began = time.perf_counter()
    sum(range(numbers))
    return time.perf_counter() - began


async def outlast_lease(milliseconds: int, failing_attempt: int = 0) -> None:
    """As `work`; but the third attempt and later ones take no time, so that this comes to an end."""
    with told() as job:
        await asyncio.sleep(0 if job.attempt > 2 else milliseconds / 1000)
        if job.attempt == failing_attempt:
            raise Deliberate(job.job_id)


async def end_process(milliseconds: int, failing_attempt: int = 0) -> None:
    """The poison pill: whoever swallows it is gone at once."""
    with told():
        os._exit(7)


async def hang(milliseconds: int, failing_attempt: int = 0) -> None:
    """Never end."""
    with told():
        await asyncio.Event().wait()


def hang_in_thread(milliseconds: int, failing_attempt: int = 0) -> None:
    """Never end, unless told to stop."""
    with told() as job:
        while True:
            job.raise_if_cancelled()
            threading.Event().wait(0.05)


def hang_deaf_in_thread(milliseconds: int, failing_attempt: int = 0) -> None:
    """Neither end nor listen for longer than a timeout. (A thread cannot be ended from outside.)"""
    with told():
        time.sleep(milliseconds / 1000)


async def tick() -> None:
    """One window of a schedule."""
    with told():
        pass


async def quiet() -> None:
    """Nothing that the journal needs to hear of."""


async def tell(milliseconds: int, failing_attempt: int = 0) -> None:
    """Take that long, and say how far it is every tenth of a second."""
    with told() as job:
        for passed in range(0, milliseconds, 100):
            job.progress(passed, milliseconds)
            await asyncio.sleep(0.1)


async def narrow(milliseconds: int, failing_attempt: int = 0) -> None:
    """As `work`; at most two at once."""
    await work(milliseconds, failing_attempt)


async def paced(milliseconds: int, failing_attempt: int = 0) -> None:
    """As `work`; so many starts a second."""
    await work(milliseconds, failing_attempt)


async def report() -> None:
    """A window whose run takes most of the time until the next."""
    with told():
        await asyncio.sleep(REPORT_TAKES)


class Courier:
    """An object that only one process has: what it delivers nobody else can."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.lock = threading.Lock()

    async def deliver(self) -> None:
        """Say whose it is, by the process whose object runs."""
        with told() as job:
            assert _journal is not None
            _journal.write(Entry.DELIVERED, job.job_id, _epochs[job.job_id], str(self._pid))


async def breed() -> None:
    """Add a schedule of itself for every second, and three jobs of itself."""
    scheduler = _scheduler
    assert scheduler is not None, "this process has lent nothing"
    await scheduler.add_schedule(breed, key=f"brood-{uuid4()}", every=timedelta(seconds=1), overlap="allow")
    now = datetime.now(UTC)
    await scheduler.schedule_bulk([JobSpec(func=breed, execution_time=now) for _ in range(3)])


def lend(scheduler: Scheduler) -> None:
    """Let jobs of this process use a scheduler."""
    global _scheduler
    _scheduler = scheduler


TASKS: dict[str, tuple[Callable[..., Any], str]] = {
    "work": (work, "async"),
    "outlast_lease": (outlast_lease, "async"),
    "tick": (tick, "async"),
    "quiet": (quiet, "async"),
    "tell": (tell, "async"),
    "narrow": (narrow, "async"),
    "paced": (paced, "async"),
    "breed": (breed, "async"),
    "block_loop": (block_loop, "async"),
    "hold_gil": (hold_gil, "async"),
    "end_process": (end_process, "async"),
    "hang": (hang, "async"),
    "hang_in_thread": (hang_in_thread, "thread"),
    "hang_deaf_in_thread": (hang_deaf_in_thread, "thread"),
}
"""Functions and their executors, by the names that launches and kinds use."""
