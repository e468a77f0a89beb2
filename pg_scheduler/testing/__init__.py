"""For tests of programs that use pg_scheduler, and of drivers for it. Needs nothing but pg_scheduler."""

from pg_scheduler.testing.assertions import assert_scheduled, scheduled
from pg_scheduler.testing.clock import ManualClock
from pg_scheduler.testing.drain import Drained, drain, live_through
from pg_scheduler.testing.memory import MemoryDriver

__all__ = ["Drained", "ManualClock", "MemoryDriver", "assert_scheduled", "drain", "live_through", "scheduled"]
