"""Which jobs there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.insight import JobPlace
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic
from pg_scheduler_web.search import WORDS, line_of, wanted_of

ON_A_PAGE = 50


def place_of(text: str | None) -> JobPlace | None:
    """Where a page begins, as its URL says.

    Raises:
        InvalidInput: it says something else.
    """
    if text is None:
        return None
    try:
        moment, _, job_id = text.partition("~")
        return JobPlace(datetime.fromisoformat(moment), job_id)
    except ValueError:
        raise InvalidInput("after", "is no place in the list") from None


async def _list(inquiry: Inquiry) -> Mapping[str, Any]:
    wanted, terms = wanted_of(inquiry.fields, inquiry.now)
    found = await inquiry.insight.jobs(
        **wanted.criteria,
        newest_first=True,
        before=place_of(inquiry.fields.get("after")),
        limit=ON_A_PAGE + 1,
    )
    jobs = [replace(job, task_data="", payload=None, result=None, headers=None) for job in found[:ON_A_PAGE]]
    after = f"{jobs[-1].execution_time.isoformat()}~{jobs[-1].job_id}" if len(found) > ON_A_PAGE else None
    return {
        "jobs": jobs,
        "after": after,
        "terms": [(term, line_of(tuple(one for one in terms if one is not term))) for term in terms],
        "line": line_of(terms),
        "status": inquiry.fields.get("status"),
        "words": WORDS,
        "is_known": JobStatus,
    }


JOBS = Screen("jobs", "/jobs", lambda fields: "Jobs", (Region("job_list", _list, (Topic.JOBS,)),))
