"""For tests of programs that use pg_scheduler, and of drivers for it. Needs nothing but pg_scheduler."""

from pg_scheduler.testing.assertions import assert_scheduled, scheduled
from pg_scheduler.testing.clock import ManualClock
from pg_scheduler.testing.drain import Drained, drain, drain_sync, live_through
from pg_scheduler.testing.left_behind import LeftBehind
from pg_scheduler.testing.memory import MemoryDriver, MemoryTransaction

__all__ = [
    "Drained",
    "LeftBehind",
    "ManualClock",
    "MemoryDriver",
    "MemoryTransaction",
    "assert_scheduled",
    "drain",
    "drain_sync",
    "live_through",
    "scheduled",
]
