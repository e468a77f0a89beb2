"""Reads stored jobs page by page until there are enough of them."""

from __future__ import annotations

import time
from typing import NamedTuple

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.paging import Cursor
from pg_scheduler.domain.selection import Selection
from pg_scheduler.queries import Queries
from pg_scheduler_cli.output import shown

MOST_CALLS = 20
"""So many times the store is asked before somebody is: each call looks through thousands of jobs."""


class Found(NamedTuple):
    """What a search has found."""

    jobs: list[JobRecord]
    next: Cursor | None
    """Where it goes on; None: that is all."""
    reason: str = ""
    """Why it ended before."""


PATIENCE = 1.0
"""Seconds after which it asks no more, however far it has come."""


async def searched(queries: Queries, wanted: Selection, after: Cursor | None, limit: int) -> Found:
    """At most so many of the jobs that match, the newest first."""
    found: list[JobRecord] = []
    begin = time.monotonic()
    for _ in range(MOST_CALLS):
        page = await queries.page(wanted, after, limit - len(found))
        found += page.jobs
        after = page.next
        if after is None:
            return Found(found, None)
        if len(found) >= limit:
            return Found(found, after, f"these are the {limit} newest jobs; there are more")
        if time.monotonic() - begin > PATIENCE:
            break
    where = f"looked through the jobs back to {shown(after.at if after else None)}"
    return Found(found, after, f"{where}; there may be more")
