"""The Driver port in plain Python: the readable specification, and a fast fake for unit tests."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.job_store import JobStore
from pg_scheduler.ports.limit_store import LimitStore
from pg_scheduler.ports.locks import Locks
from pg_scheduler.ports.minutes import MinuteStore
from pg_scheduler.ports.run_now import run_now
from pg_scheduler.ports.schedule_store import ScheduleStore
from pg_scheduler.ports.signals import Signals
from pg_scheduler.ports.steering import Steering
from pg_scheduler.testing.memory.completions import MemoryCompletions
from pg_scheduler.testing.memory.insight import MemoryInsight
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.limits import MemoryLimits
from pg_scheduler.testing.memory.locks import MemoryLocks
from pg_scheduler.testing.memory.minutes import MemoryMinutes
from pg_scheduler.testing.memory.retention import MemoryRetention
from pg_scheduler.testing.memory.schedules import MemorySchedules
from pg_scheduler.testing.memory.schema import MemorySchema
from pg_scheduler.testing.memory.signals import MemorySignals
from pg_scheduler.testing.memory.state import MemoryState
from pg_scheduler.testing.memory.steering import MemorySteering
from pg_scheduler.testing.memory.transactions import MemoryTransaction, MemoryTransactions, Stores

_T = TypeVar("_T")


class MemoryDriver:
    """Jobs in this process' memory. Share one instance between schedulers that should see each other.

    It answers as the PostgreSQL drivers do (the contract suite and a state machine compare them), but
    nothing survives the process. What `transaction()` gives is a ``connection=`` wherever one is taken. A
    part may be replaced by one of your own, to fail where a test wants it to.
    """

    def __init__(self) -> None:
        self.state: MemoryState = MemoryState()
        self.transactions: MemoryTransactions = MemoryTransactions(self.state)
        self.jobs: JobStore = MemoryJobs(self.state, self.transactions)
        self.completions: MemoryCompletions = MemoryCompletions(self.transactions)
        self.schedules: ScheduleStore = MemorySchedules(self.state, self.transactions)
        self.limits: LimitStore = MemoryLimits(self.state)
        self.locks: Locks = MemoryLocks(self.state)
        self.retention: MemoryRetention = MemoryRetention(self.state)
        self.signals: Signals = MemorySignals(self.state)
        self.insight: Insight = MemoryInsight(self.state, self.transactions)
        self.steering: Steering = MemorySteering(self.state)
        self.minutes: MinuteStore = MemoryMinutes(self.state)
        self.schema: MemorySchema = MemorySchema(self.state)

    async def open(self) -> None:
        """Nothing to do."""

    async def open_for(self, connection: object) -> bool:
        """Always ready."""
        return True

    async def close(self) -> None:
        """Nothing to do; the jobs stay for whoever shares this driver."""

    @staticmethod
    def run_now(work: Coroutine[Any, Any, _T]) -> _T:
        """For `SyncQueries` and `SyncScheduler`, which have no event loop: nothing here ever waits."""
        return run_now(work)

    def forgotten(self, now: datetime) -> list[JobRecord]:
        """Due jobs, if nobody has claimed or looked at any yet."""
        if self.state.looked_at:
            return []
        pending = self.state.in_order(JobStatus.PENDING)
        return [row.record() for row in pending if row.execution_time <= now]

    def dedicated(self) -> None:
        """There is no connection to have another of."""

    def within(self, limit: timedelta) -> MemoryDriver:
        """This driver: it answers at once."""
        return self

    def transaction(self, standing_for: object = None) -> AbstractAsyncContextManager[MemoryTransaction]:
        """A transaction for ``connection=``: what is stored, cancelled or completed in it is there for
        everybody at the end of the block, and for nobody if the block raises.

        Args:
            standing_for: what the code under test passes as its connection, such as a session of
                SQLAlchemy's: within the block it means this transaction.

        Raises:
            TransientDatabaseError: at the commit or before, because somebody else has changed meanwhile what
                this transaction has changed.
        """
        return self.transactions.begin(Stores(self.jobs, self.schedules), standing_for)

    def transaction_sync(self, standing_for: object = None) -> AbstractContextManager[MemoryTransaction]:
        """The same, as a plain ``with`` block."""
        return self.transactions.begin_sync(Stores(self.jobs, self.schedules), standing_for)
