"""The memory driver, a part of the port each."""

from pg_scheduler.testing.memory.driver import MemoryDriver
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.transactions import MemoryTransaction

__all__ = ["MemoryDriver", "MemoryJobs", "MemoryTransaction"]
