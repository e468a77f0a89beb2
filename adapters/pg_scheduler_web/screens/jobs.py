"""Which jobs there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.paging import Cursor
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic
from pg_scheduler_web.screens.deeds import DEEDS
from pg_scheduler_web.search import WORDS, line_of, wanted_of

ON_A_PAGE = 50


async def _list(inquiry: Inquiry) -> Mapping[str, Any]:
    wanted, terms = wanted_of(inquiry.fields, inquiry.access, inquiry.now)
    after = inquiry.fields.get("after")
    place = None if after is None else Cursor.of(after)
    page = await inquiry.insight.page(wanted, place, ON_A_PAGE, now=inquiry.pinned)
    return {
        "jobs": [_without_data(job) for job in page.jobs],
        "next": page.next,
        "now": page.now,
        "terms": [(term, line_of(tuple(one for one in terms if one is not term))) for term in terms],
        "line": line_of(terms),
        "status": inquiry.fields.get("status"),
        "words": WORDS,
        "deeds": DEEDS.values(),
    }


def _without_data(job: JobRecord) -> JobRecord:
    """What a list may show, and no megabytes that are kept for the next look."""
    return replace(job, task_data="", payload=None, result=None, headers=None)


async def _count(inquiry: Inquiry) -> Mapping[str, Any]:
    wanted, _ = wanted_of(inquiry.fields, inquiry.access, inquiry.now)
    return {"count": await inquiry.insight.count(wanted, now=inquiry.pinned)}


JOBS = Screen(
    "jobs",
    "/jobs",
    lambda fields: "Jobs",
    (Region("job_list", _list, (Topic.JOBS,)), Region("job_count", _count, (Topic.JOBS,))),
)
