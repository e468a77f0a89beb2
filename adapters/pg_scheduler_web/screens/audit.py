"""Who did what by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen

SHOWN = 200


async def _audit(inquiry: Inquiry) -> Mapping[str, Any]:
    return {"records": await inquiry.driver.steering.audit(limit=SHOWN), "most": SHOWN}


AUDIT = Screen("audit", "/audit", lambda fields: "Audit", (Region("audit", _audit),))
