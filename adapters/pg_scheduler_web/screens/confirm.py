"""Asks before many jobs, or anything that cannot be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.states import FINISHED, UNFINISHED, JobStatus
from pg_scheduler_web.access import Right
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.screen import Region, Screen
from pg_scheduler_web.search import line_of, wanted_of

MOST = 1000
"""Jobs that one act changes."""
SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Deed:
    """What may be done to many jobs."""

    name: str
    right: Right
    path: str
    possible: frozenset[JobStatus]
    says: str
    """What becomes of them."""


DEEDS = {
    deed.name: deed
    for deed in (
        Deed(
            "retry", Right.RETRY, "/jobs/retry", FINISHED,
            "They run again, now, with their counters at zero.",
        ),
        Deed(
            "cancel", Right.CANCEL, "/jobs/cancel", UNFINISHED,
            "Pending ones are cancelled; running ones are asked to stop. Retrying undoes it.",
        ),
    )
}  # fmt: skip


def deed_of(fields: Fields) -> Deed:
    """What is inquiry for.

    Raises:
        InvalidInput: something else.
    """
    name = fields.need("act")
    if name not in DEEDS:
        raise InvalidInput("act", f"there is no act {name[:40]!r}", f"One of: {', '.join(DEEDS)}")
    return DEEDS[name]


async def _confirm(inquiry: Inquiry) -> Mapping[str, Any]:
    deed, ids = deed_of(inquiry.fields), inquiry.fields.all("id")
    if ids:
        found = await inquiry.insight.statuses(ids[:MOST])
        fitting = [job_id for job_id in ids if found.get(job_id) in deed.possible]
        return {
            "deed": deed, "ids": fitting, "count": len(fitting), "left_out": len(ids) - len(fitting),
            "sample": fitting[:SAMPLE], "line": "", "status": (), "more": False,
        }  # fmt: skip
    wanted, terms = wanted_of(inquiry.fields, inquiry.now)
    narrowed = wanted.only(deed.possible)
    jobs = (
        []
        if narrowed is None
        else await inquiry.insight.jobs(**narrowed.criteria, newest_first=True, limit=MOST + 1)
    )
    return {
        "deed": deed, "ids": [], "count": min(len(jobs), MOST), "left_out": 0, "more": len(jobs) > MOST,
        "sample": [job.job_id for job in jobs[:SAMPLE]], "line": line_of(terms),
        "status": inquiry.fields.all("status"),
    }  # fmt: skip


CONFIRM = Screen(
    "confirm", "/jobs/confirm", lambda fields: f"{(fields.get('act') or '').capitalize()} jobs?",
    (Region("confirm", _confirm),), section="jobs",
)  # fmt: skip
