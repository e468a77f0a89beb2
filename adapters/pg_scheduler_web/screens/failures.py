"""What fails: failed jobs by what failed in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic

SHOWN = 100


async def _failures(inquiry: Inquiry) -> Mapping[str, Any]:
    found = await inquiry.insight.failures(limit=SHOWN, now=inquiry.pinned)
    return {"groups": found.groups, "more": found.more, "now": found.now}


FAILURES = Screen(
    "failures", "/failures", lambda fields: "Failures", (Region("failures", _failures, (Topic.JOBS,)),)
)
