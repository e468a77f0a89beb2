"""How functions are run: the executors of this project, and the port for your own."""

from pg_scheduler.engine.executors import AsyncExecutor, ProcessExecutor, ThreadExecutor
from pg_scheduler.ports.executor import Call, Executor

__all__ = ["AsyncExecutor", "Call", "Executor", "ProcessExecutor", "ThreadExecutor"]
