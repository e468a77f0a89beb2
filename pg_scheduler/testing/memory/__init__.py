"""The memory driver, a part of the port each."""

from pg_scheduler.testing.memory.completions import MemoryTransaction
from pg_scheduler.testing.memory.driver import MemoryDriver

__all__ = ["MemoryDriver", "MemoryTransaction"]
