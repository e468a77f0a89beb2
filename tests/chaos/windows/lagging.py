"""Processes that look at a schedule, are slow, and then offer a window that is long decided about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pg_scheduler.client.source import Library
from tests.chaos.windows.findings import Findings
from tests.chaos.windows.play import open_field

EVERY = timedelta(seconds=1)


async def play_lagging(
    library: Library, dsn: str, seed: int, *, seconds: float = 10.0
) -> tuple[Findings, int]:
    """Two prompt workers and two that act on what they saw one and a half windows ago. Also: how many of
    their offers were refused."""
    async with open_field(library, dsn, seed, workers=2, lease=2.0, pinned=False) as field:
        field.crew.launch = replace(field.crew.launch, lag=1.5)  # type: ignore[type-var]
        field.crew.hire(2)
        first = await field.schedule(EVERY)
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        await field.until(lambda info: info.last_run is not None and info.last_run >= until)
        account = await field.forget_schedule()
        assert account.mark is not None
        await field.finish(lambda: None)
        found = await field.findings("lagging", seed, first, account.mark, EVERY, account)
        return found, field.crew.heard("late offer refused")
