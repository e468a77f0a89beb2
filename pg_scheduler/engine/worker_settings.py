"""What a worker is told about its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.domain.queues import ALL_QUEUES, QueueGroup, with_slots
from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told about its work."""

    capacity: int = 25
    batch_limit: int | None = None
    """Most jobs of one claim; None: as many as the slots get through in a short time."""
    lease: timedelta = timedelta(seconds=60)
    heartbeat_threshold: timedelta = timedelta(seconds=120)
    max_crashes: int = 5
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    polling: PollingConfig = field(default_factory=PollingConfig)
    worker_id_length: int = 8
    retention: Mapping[JobStatus, VacuumPolicy] = field(default_factory=dict)
    """One policy per finished status; empty keeps every job."""
    retention_interval: float = 3600.0
    """Seconds between passes."""
    audit_kept: timedelta = timedelta(days=400)
    """How long records of acts of people are kept."""
    track_retention: bool = False
    """Whether passes are counted in daily statistics."""
    prune: bool = True
    """Whether passes are made unasked."""
    only: frozenset[str] | None = None
    """Only jobs of these names are claimed; None: of every known name."""
    queues: tuple[QueueGroup, ...] = ALL_QUEUES
    """Only jobs that wait in these queues are claimed."""
    max_blocked: float = 60.0
    """Leases that the event loop may be blocked before they are not renewed any more."""
    blocked_after: float = 1.0
    """Seconds of a silent event loop that are worth a warning."""

    app_version: str | None = None
    """What the application calls its version."""

    def __post_init__(self) -> None:
        with_slots(self.queues, self.capacity)
