"""A line on every page that is read from a replica: how far that has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Topic


async def _replica(inquiry: Inquiry) -> Mapping[str, Any]:
    return {"replica": await inquiry.insight.replica()}


REPLICA = Region("replica", _replica, tuple(Topic))
