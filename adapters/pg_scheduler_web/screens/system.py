"""The tables and the versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler import __version__
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen

DAYS = 14


async def _schema(inquiry: Inquiry) -> Mapping[str, Any]:
    return {"schema": await inquiry.desk.driver.schema.status(), "version": __version__}


async def _retention(inquiry: Inquiry) -> Mapping[str, Any]:
    days = await inquiry.desk.driver.retention.vacuum_stats(DAYS)
    return {"days": days, "may_prune": inquiry.desk.may_prune, "shown_days": DAYS}


SYSTEM = Screen(
    "system", "/system", lambda fields: "System",
    (Region("schema", _schema), Region("retention", _retention)),
)  # fmt: skip
