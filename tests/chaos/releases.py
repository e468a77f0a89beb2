"""The releases of one program: it has one schedule, whose task and key are called ever differently."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pg_scheduler import Scheduler
from pg_scheduler.client.schedule_request import ScheduleRequest
from tests.chaos.tasks import report

EVERY = 1.0
"""Seconds between windows: the same in all releases."""


@dataclass(frozen=True, slots=True)
class Release:
    """What its code says."""

    task: str
    """The name of the function."""
    key: str | None
    """None: the one that is made of the task and the expression."""
    settings: dict[str, Any] = field(default_factory=dict)

    def adopt(self, scheduler: Scheduler) -> None:
        """Let this program's code have the schedule."""
        scheduler.register(report, name=self.task)
        scheduler.schedules.adopt(
            ScheduleRequest(
                task=self.task,
                key=self.key,
                every=timedelta(seconds=EVERY),
                catch_up="all",
                catch_up_limit=1000,
                misfire_grace_time=None,
                **self.settings,
            )
        )


RELEASES = {
    "first": Release("report.v1", "reports"),
    "renamed": Release("report.v2", "reports"),
    "locked": Release("report.v2", "reports", {"use_advisory_lock": True}),
    "moved": Release("report.v2", "elsewhere.reports", {"use_advisory_lock": True}),
    "respelled": Release("report.v2", None, {"use_advisory_lock": True}),
}
"""In their order."""
