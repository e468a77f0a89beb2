"""pg_scheduler: a job scheduler and job queue on PostgreSQL alone."""

from pg_scheduler.blocking.sync_queries import SyncQueries
from pg_scheduler.blocking.sync_scheduler import SyncScheduler
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.client.typed_call import Call, call
from pg_scheduler.client.waiting_for_many import Ended, as_ended, wait_all
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
from pg_scheduler.domain.model import JobInfo
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.retention import VacuumConfig, VacuumPolicy, VacuumTrigger
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.version import VERSION
from pg_scheduler.entrypoints.pgqueuer import PgQueuer
from pg_scheduler.job_spec import JobSpec
from pg_scheduler.models import Context, Job, Schedule
from pg_scheduler.periodic import PeriodicJobConfig, periodic
from pg_scheduler.polling import PollingConfig
from pg_scheduler.ports.borrowed import Borrowed
from pg_scheduler.ports.job_context import JobContext, current_job
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.qm import QueueManager
from pg_scheduler.queries import Queries
from pg_scheduler.sc import SchedulerManager
from pg_scheduler.scheduler import Scheduler, current_scheduler
from pg_scheduler.task import task

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
