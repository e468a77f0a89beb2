"""How functions are run: on the event loop, in a thread, in a process."""

from pg_scheduler.engine.executors.coroutine import AsyncExecutor
from pg_scheduler.engine.executors.process import ProcessExecutor
from pg_scheduler.engine.executors.thread import ThreadExecutor

__all__ = ["AsyncExecutor", "ProcessExecutor", "ThreadExecutor"]
