"""What a scheduler tells its observers: see `EventObserver`."""

from pg_scheduler.ports.observer import EventObserver
from pg_scheduler.ports.worker_events import (
    AttemptLost,
    AttemptsSettled,
    CancelRequested,
    Ended,
    JobReclaimed,
    JobsExpired,
    JobsStarted,
    JobsStored,
    ListeningChanged,
    RoundFailed,
    SchedulesRetired,
    StagedSchedule,
    WindowsStaged,
    WorkerEvent,
    WorkerStarted,
    WorkerStopped,
)

__all__ = [
    "AttemptLost",
    "AttemptsSettled",
    "CancelRequested",
    "Ended",
    "EventObserver",
    "JobReclaimed",
    "JobsExpired",
    "JobsStarted",
    "JobsStored",
    "ListeningChanged",
    "RoundFailed",
    "SchedulesRetired",
    "StagedSchedule",
    "WindowsStaged",
    "WorkerEvent",
    "WorkerStarted",
    "WorkerStopped",
]
