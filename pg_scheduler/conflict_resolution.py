"""What to do about a job id that is taken."""

from pg_scheduler.domain.conflict import ConflictResolution

__all__ = ["ConflictResolution"]
