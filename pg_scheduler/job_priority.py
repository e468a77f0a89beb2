"""Job priorities."""

from pg_scheduler.domain.priority import JobPriority

__all__ = ["JobPriority"]
