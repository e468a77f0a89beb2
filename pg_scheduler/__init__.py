"""pg_scheduler: a job scheduler and job queue on PostgreSQL alone.

What decorates functions is loaded at once, with errors and enumerations. Everything else is loaded when it is
named: a module that defines tasks, or a command, need not load what runs them. (`task` and `periodic` are
names of submodules, too: loaded later, the submodule would take the name of the function.)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from pg_scheduler.client.typed_call import Call, call
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import (
    AlreadyStarted,
    ConfigurationError,
    ConnectionLost,
    DatabaseError,
    DatabaseUnavailable,
    DuplicateJob,
    InvalidInput,
    InvalidTransition,
    JobAlreadyExists,
    JobCancelled,
    JobFailed,
    JobNotFound,
    JobTimeout,
    LeaseLost,
    MissingDependency,
    NotAsyncFunction,
    PgSchedulerError,
    QuestionTimedOut,
    ReadOnlyServer,
    RetryAfter,
    SchemaError,
    SelectionChanged,
    Snooze,
    TaskNameConflict,
    TransientDatabaseError,
    UnencodablePayload,
    WaitTimeout,
)
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.version import VERSION
from pg_scheduler.periodic import PeriodicJobConfig, periodic
from pg_scheduler.ports.job_context import JobContext, current_job
from pg_scheduler.task import task

if TYPE_CHECKING:
    from pg_scheduler.blocking.sync_queries import SyncQueries
    from pg_scheduler.blocking.sync_scheduler import SyncScheduler
    from pg_scheduler.client.job_handle import JobHandle
    from pg_scheduler.client.retry_answer import RetryAnswer
    from pg_scheduler.client.waiting_for_many import Ended, as_ended, wait_all
    from pg_scheduler.domain.model import JobInfo
    from pg_scheduler.domain.retention import VacuumConfig, VacuumPolicy, VacuumTrigger
    from pg_scheduler.entrypoints.pgqueuer import PgQueuer
    from pg_scheduler.job_spec import JobSpec
    from pg_scheduler.models import Context, Job, Schedule
    from pg_scheduler.polling import PollingConfig
    from pg_scheduler.ports.borrowed import Borrowed
    from pg_scheduler.ports.job_store import CancelAnswer
    from pg_scheduler.qm import QueueManager
    from pg_scheduler.queries import Queries
    from pg_scheduler.sc import SchedulerManager
    from pg_scheduler.scheduler import Scheduler, current_scheduler

__version__ = VERSION

__all__ = [
    "AlreadyStarted",
    "Borrowed",
    "Call",
    "CancelAnswer",
    "ConfigurationError",
    "ConflictResolution",
    "ConnectionLost",
    "Context",
    "DatabaseError",
    "DatabaseUnavailable",
    "DuplicateJob",
    "Ended",
    "InvalidInput",
    "InvalidTransition",
    "Job",
    "JobAlreadyExists",
    "JobCancelled",
    "JobContext",
    "JobFailed",
    "JobHandle",
    "JobInfo",
    "JobNotFound",
    "JobPriority",
    "JobSpec",
    "JobStatus",
    "JobTimeout",
    "LeaseLost",
    "MissingDependency",
    "NotAsyncFunction",
    "PeriodicJobConfig",
    "PgQueuer",
    "PgSchedulerError",
    "PollingConfig",
    "Queries",
    "QuestionTimedOut",
    "QueueManager",
    "ReadOnlyServer",
    "RetryAfter",
    "RetryAnswer",
    "RetryPolicy",
    "Schedule",
    "Scheduler",
    "SchedulerManager",
    "SchemaError",
    "SelectionChanged",
    "Snooze",
    "SyncQueries",
    "SyncScheduler",
    "TaskNameConflict",
    "TransientDatabaseError",
    "UnencodablePayload",
    "VacuumConfig",
    "VacuumPolicy",
    "VacuumTrigger",
    "WaitTimeout",
    "as_ended",
    "call",
    "current_job",
    "current_scheduler",
    "periodic",
    "task",
    "wait_all",
]

_LOADED_WHEN_NAMED = {
    "Borrowed": "pg_scheduler.ports.borrowed",
    "CancelAnswer": "pg_scheduler.ports.job_store",
    "Context": "pg_scheduler.models",
    "Job": "pg_scheduler.models",
    "Ended": "pg_scheduler.client.waiting_for_many",
    "JobHandle": "pg_scheduler.client.job_handle",
    "JobInfo": "pg_scheduler.domain.model",
    "JobSpec": "pg_scheduler.job_spec",
    "PgQueuer": "pg_scheduler.entrypoints.pgqueuer",
    "PollingConfig": "pg_scheduler.polling",
    "Queries": "pg_scheduler.queries",
    "QueueManager": "pg_scheduler.qm",
    "RetryAnswer": "pg_scheduler.client.retry_answer",
    "Schedule": "pg_scheduler.models",
    "Scheduler": "pg_scheduler.scheduler",
    "SchedulerManager": "pg_scheduler.sc",
    "SyncQueries": "pg_scheduler.blocking.sync_queries",
    "SyncScheduler": "pg_scheduler.blocking.sync_scheduler",
    "VacuumConfig": "pg_scheduler.domain.retention",
    "VacuumPolicy": "pg_scheduler.domain.retention",
    "VacuumTrigger": "pg_scheduler.domain.retention",
    "current_scheduler": "pg_scheduler.scheduler",
    "as_ended": "pg_scheduler.client.waiting_for_many",
    "wait_all": "pg_scheduler.client.waiting_for_many",
}

if not TYPE_CHECKING:  # to a type checker it would say that there is every name

    def __getattr__(name: str) -> object:
        if (module := _LOADED_WHEN_NAMED.get(name)) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(module), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LOADED_WHEN_NAMED})
