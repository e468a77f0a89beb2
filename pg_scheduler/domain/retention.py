"""How long finished jobs are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_count, checked_positive
from pg_scheduler.domain.states import JobStatus

AWAITED_STAY = timedelta(seconds=60)
"""How long a job that somebody waits for stays after its end, whatever its policy: so they learn how it ended
and what it returned."""


LONGEST = 36_525
"""Days, a century: a policy of more keeps what it is for as well, and leaves the calendar alone."""


class VacuumTrigger(Enum):
    """What causes a finished job to be deleted."""

    IMMEDIATE = "immediate"
    TIME_BASED = "time_based"
    COUNT_BASED = "count_based"
    NEVER = "never"


@dataclass(frozen=True)
class VacuumPolicy:
    """When jobs in one finished status are deleted. Use the constructors by name."""

    trigger: VacuumTrigger
    days: int | None = None
    """For TIME_BASED: days since the job reached the status."""
    keep_count: int | None = None
    """For COUNT_BASED: how many of each job name are kept, the latest to finish."""

    def __post_init__(self) -> None:
        if not isinstance(self.trigger, VacuumTrigger):
            raise InvalidInput("trigger", f"expected a VacuumTrigger, got {shown(self.trigger)}")
        for field, trigger in (
            ("days", VacuumTrigger.TIME_BASED),
            ("keep_count", VacuumTrigger.COUNT_BASED),
        ):
            value = getattr(self, field)
            if self.trigger is trigger:
                checked_count(field, value)
            elif value is not None:
                raise InvalidInput(field, f"has no meaning for {self.trigger.value}")

    @property
    def age(self) -> timedelta:
        """For TIME_BASED: how old what is deleted has to be."""
        return timedelta(days=min(self.days or 0, LONGEST))

    @classmethod
    def immediate(cls) -> VacuumPolicy:
        """Delete a job when it reaches the status. One that somebody waits for stays for a minute."""
        return cls(VacuumTrigger.IMMEDIATE)

    @classmethod
    def after_days(cls, days: int) -> VacuumPolicy:
        """Delete a job after this many days in the status."""
        return cls(VacuumTrigger.TIME_BASED, days=days)

    @classmethod
    def keep_last(cls, count: int) -> VacuumPolicy:
        """Keep the last `count` jobs of each name in the status."""
        return cls(VacuumTrigger.COUNT_BASED, keep_count=count)

    @classmethod
    def never(cls) -> VacuumPolicy:
        """Keep every job."""
        return cls(VacuumTrigger.NEVER)


@dataclass
class VacuumConfig:
    """One policy per finished status; None takes the default (1, 7, 3 and 3 days)."""

    completed: VacuumPolicy | None = None
    failed: VacuumPolicy | None = None
    cancelled: VacuumPolicy | None = None
    interval_minutes: int = 60
    """Minutes between passes."""
    track_metrics: bool = False
    """Keep daily statistics."""
    expired: VacuumPolicy | None = None
    audit_days: int = 400
    """Days for which it is kept who changed what by hand."""

    def __post_init__(self) -> None:
        checked_positive("interval_minutes", self.interval_minutes)
        checked_positive("audit_days", self.audit_days)
        defaults = {"completed": 1, "failed": 7, "cancelled": 3, "expired": 3}
        for status, days in defaults.items():
            policy = getattr(self, status)
            if policy is None:
                setattr(self, status, VacuumPolicy.after_days(days))
            elif not isinstance(policy, VacuumPolicy):
                raise InvalidInput(status, f"expected a VacuumPolicy, got {shown(policy)}")

    @property
    def audit_kept(self) -> timedelta:
        """The same as a duration."""
        return timedelta(days=min(self.audit_days, LONGEST))

    def policies(self) -> dict[JobStatus, VacuumPolicy]:
        """One policy per finished status."""
        return {status: getattr(self, str(status)) for status in JobStatus if status.finished}
