"""Asks before many jobs, or anything that cannot be undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler.client.changing import AT_MOST
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen
from pg_scheduler_web.screens.deeds import deed_of
from pg_scheduler_web.search import line_of, wanted_of

SAMPLE = 5
"""Jobs that the question names."""


async def _confirm(inquiry: Inquiry) -> Mapping[str, Any]:
    insight = (await inquiry.desk.primary()).insight  # what is agreed to must be what is there
    deed, ids = deed_of(inquiry.fields), inquiry.fields.all("id")[:AT_MOST]
    if ids:
        found = await insight.statuses(ids)
        fitting = [job_id for job_id in ids if found.get(job_id) in deed.possible]
        return {
            "deed": deed, "ids": fitting, "count": len(fitting), "left_out": len(ids) - len(fitting),
            "sample": fitting[:SAMPLE], "line": "", "status": (), "more": False,
        }  # fmt: skip
    wanted, terms = wanted_of(inquiry.fields, inquiry.access, inquiry.now)
    narrowed = wanted.only(deed.possible)
    number, sample = 0, []
    if narrowed is not None:
        counted = await insight.count(narrowed, AT_MOST + 1, now=inquiry.pinned)
        number = counted.number
        page = await insight.page(narrowed, None, SAMPLE, now=inquiry.pinned)
        sample = [job.job_id for job in page.jobs]
    return {
        "deed": deed, "ids": [], "count": min(number, AT_MOST), "left_out": 0, "more": number > AT_MOST,
        "sample": sample, "line": line_of(terms), "status": inquiry.fields.all("status"),
    }  # fmt: skip


CONFIRM = Screen(
    "confirm", "/jobs/confirm", lambda fields: f"{(fields.get('act') or '').capitalize()} jobs?",
    (Region("confirm", _confirm),), section="jobs",
)  # fmt: skip
