"""The server, the tables and the versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler import __version__
from pg_scheduler.client.diagnosis import diagnose
from pg_scheduler_web.desk import LONGEST_QUESTION, Inquiry
from pg_scheduler_web.screen import Region, Screen

DAYS = 14


async def _server(inquiry: Inquiry) -> Mapping[str, Any]:
    found = await diagnose(inquiry.desk.driver, inquiry.desk.client.clock, LONGEST_QUESTION)
    return {"found": found, "server": found.server, "schema": found.schema, "version": __version__}


async def _retention(inquiry: Inquiry) -> Mapping[str, Any]:
    days = await inquiry.driver.retention.vacuum_stats(DAYS)
    return {"days": days, "may_prune": inquiry.desk.may_prune, "shown_days": DAYS}


SYSTEM = Screen(
    "system", "/system", lambda fields: "System",
    (Region("server", _server, patience=15.0), Region("retention", _retention)),
)  # fmt: skip
