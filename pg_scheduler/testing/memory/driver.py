"""The Driver port in plain Python: the readable specification, and a fast fake for unit tests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.job_store import JobStore
from pg_scheduler.ports.limit_store import LimitStore
from pg_scheduler.ports.locks import Locks
from pg_scheduler.ports.schedule_store import ScheduleStore
from pg_scheduler.ports.signals import Signals
from pg_scheduler.ports.steering import Steering
from pg_scheduler.testing.memory.completions import MemoryCompletions, MemoryTransaction
from pg_scheduler.testing.memory.insight import MemoryInsight
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.limits import MemoryLimits
from pg_scheduler.testing.memory.locks import MemoryLocks
from pg_scheduler.testing.memory.retention import MemoryRetention
from pg_scheduler.testing.memory.schedules import MemorySchedules
from pg_scheduler.testing.memory.schema import MemorySchema
from pg_scheduler.testing.memory.signals import MemorySignals
from pg_scheduler.testing.memory.state import MemoryState
from pg_scheduler.testing.memory.steering import MemorySteering


class MemoryDriver:
    """Jobs in this process' memory. Share one instance between schedulers that should see each other.

    It answers as the PostgreSQL drivers do (the contract suite and a state machine compare them), but
    nothing survives the process, and jobs are not stored in a transaction of yours. A function that completes
    its job in one uses `transaction()`. A part may be replaced by one of your own, to fail where a test wants
    it to.
    """

    def __init__(self) -> None:
        self.state: MemoryState = MemoryState()
        self.jobs: JobStore = MemoryJobs(self.state)
        self.completions: MemoryCompletions = MemoryCompletions(self.state, lambda: self.jobs)
        self.schedules: ScheduleStore = MemorySchedules(self.state)
        self.limits: LimitStore = MemoryLimits(self.state)
        self.locks: Locks = MemoryLocks(self.state)
        self.retention: MemoryRetention = MemoryRetention(self.state)
        self.signals: Signals = MemorySignals(self.state)
        self.insight: Insight = MemoryInsight(self.state)
        self.steering: Steering = MemorySteering(self.state)
        self.schema: MemorySchema = MemorySchema(self.state)

    async def open(self) -> None:
        """Nothing to do."""

    async def open_for(self, connection: object) -> bool:
        """Always ready."""
        return True

    async def close(self) -> None:
        """Nothing to do; the jobs stay for whoever shares this driver."""

    def dedicated(self) -> None:
        """There is no connection to have another of."""

    def within(self, limit: timedelta) -> MemoryDriver:
        """This driver: it answers at once."""
        return self

    def transaction(self) -> AbstractAsyncContextManager[MemoryTransaction]:
        """A transaction for functions that complete their job in one of their own: committed at the end of
        the block, rolled back if the block raises.

        Raises:
            TransientDatabaseError: at the commit, because a job was taken away meanwhile.
        """
        return self.completions.transaction()
