"""The jobs of the scenarios, and how they tell the journal what they do."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pg_scheduler import current_job
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from tests.chaos.journal import Entry, Journal

_journal: Journal | None = None
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

    def job_started(self, job: ClaimedJob) -> None:
        """Called before the job's function takes its first step."""
        _epochs[job.job_id] = job.epoch

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        """The store's answer to a verdict."""
        entry = Entry.ACCEPTED if accepted else Entry.REFUSED
        self._journal.write(entry, job.job_id, job.epoch, verdict.event)

    def pass_finished(self, service: str) -> None:
        """Nothing to tell."""


async def work(milliseconds: int, failing_attempt: int = 0) -> None:
    """Take that long; the attempt of that number (1 is the first) fails at its end."""
    job = current_job()
    journal, epoch = _journal, _epochs[job.job_id]
    assert journal is not None, "this process has no Witness"
    journal.write(Entry.START, job.job_id, epoch)
    try:
        await asyncio.sleep(milliseconds / 1000)
    except asyncio.CancelledError:
        journal.write(Entry.STOP, job.job_id, epoch)
        raise
    if job.attempt == failing_attempt:
        journal.write(Entry.FAIL, job.job_id, epoch)
        raise Deliberate(job.job_id)
    journal.write(Entry.END, job.job_id, epoch)
