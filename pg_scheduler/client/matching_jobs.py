"""All stored jobs that match a selection, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.paging import Cursor
from pg_scheduler.domain.selection import Selection
from pg_scheduler.ports.insight import Insight

PAGE = 500
"""Jobs that are read at once: they come with what they carry."""


async def pages_of(
    insight: Insight, wanted: Selection, at_once: int | None = None
) -> AsyncIterator[list[JobRecord]]:
    """The jobs that match, newest first. A job of one page is not in a later one, unless it has become due
    earlier meanwhile; so whoever changes them comes to an end, also where they still match."""
    after: Cursor | None = None
    while True:
        page = await insight.page(wanted, after, at_once or PAGE)
        if page.jobs:
            yield list(page.jobs)
        after = page.next
        if after is None:
            return


async def first_jobs(insight: Insight, wanted: Selection, limit: int) -> list[JobRecord]:
    """The newest jobs that match, at most so many."""
    found: list[JobRecord] = []
    async for page in pages_of(insight, wanted, min(limit, PAGE)):
        found += page
        if len(found) >= limit:
            break
    return found[:limit]
