"""The documented home of `SchedulerManager`; it is made in `pg_scheduler.sm`."""

from pg_scheduler.sm import SchedulerManager

__all__ = ["SchedulerManager"]
