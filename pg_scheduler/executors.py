"""How functions are run.

Function style: executors of the engine (`AsyncExecutor`, `ThreadExecutor`, `ProcessExecutor`) and the port
for your own (`Executor`, `Call`). Queue style: executors of one entrypoint or schedule, to derive from.
"""

from pg_scheduler.engine.executors import AsyncExecutor, ProcessExecutor, ThreadExecutor
from pg_scheduler.entrypoints.job_executors import (
    AbstractEntrypointExecutor,
    EntrypointExecutor,
    EntrypointExecutorParameters,
)
from pg_scheduler.entrypoints.retry_executor import RetryWithBackoffEntrypointExecutor
from pg_scheduler.entrypoints.schedule_executors import (
    AbstractScheduleExecutor,
    ScheduleExecutor,
    ScheduleExecutorFactoryParameters,
)
from pg_scheduler.ports.executor import Call, Executor

__all__ = [
    "AbstractEntrypointExecutor",
    "AbstractScheduleExecutor",
    "AsyncExecutor",
    "Call",
    "EntrypointExecutor",
    "EntrypointExecutorParameters",
    "Executor",
    "ProcessExecutor",
    "RetryWithBackoffEntrypointExecutor",
    "ScheduleExecutor",
    "ScheduleExecutorFactoryParameters",
    "ThreadExecutor",
]
