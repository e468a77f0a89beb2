"""All stored jobs that match a filter, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pg_scheduler.domain.job_filter import JobFilter
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.ports.insight import Insight, JobPlace

PAGE = 500
"""Jobs that are read at once: they come with what they carry."""


async def pages_of(insight: Insight, wanted: JobFilter) -> AsyncIterator[list[JobRecord]]:
    """The jobs that match, newest first. A job of one page is not in a later one, unless it has become due
    earlier meanwhile; so whoever changes them comes to an end, also where they still match."""
    before: JobPlace | None = None
    while page := await insight.jobs(**wanted.criteria, newest_first=True, before=before, limit=PAGE):
        before = JobPlace(page[-1].execution_time, page[-1].job_id)
        yield page
