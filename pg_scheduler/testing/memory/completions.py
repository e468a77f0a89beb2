"""Transactions of the memory driver: for functions that complete their job in one of their own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, TransientDatabaseError
from pg_scheduler.domain.settling import settles
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.completions import TransactionOutcome
from pg_scheduler.ports.job_store import JobStore
from pg_scheduler.testing.memory.state import MemoryState


class MemoryTransaction:
    """What stands in for a connection with a transaction open. Make one by `MemoryDriver.transaction()`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.outcome: TransactionOutcome = TransactionOutcome.OPEN
        self.settlements: list[tuple[Settlement, datetime | None]] = []
        self._effects: list[Callable[[], object]] = []

    def when_committed(self, effect: Callable[[], object]) -> None:
        """Call this at the commit, and never if it is rolled back: the effects of a function under test."""
        self._effects.append(effect)

    def take_effect(self) -> None:
        """It is committed."""
        self.outcome = TransactionOutcome.COMMITTED
        for effect in self._effects:
            effect()


class MemoryCompletions:
    """`Completions` in this process' memory. Nothing is locked: what others do to the job until the commit
    makes the commit fail, where a database would have let them wait."""

    def __init__(self, state: MemoryState, jobs: Callable[[], JobStore]) -> None:
        self._state = state
        self._jobs = jobs
        self._transactions: dict[str, MemoryTransaction] = {}
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """Committed at the end of the block, rolled back if the block raises.

        Raises:
            TransientDatabaseError: at the commit, because a job was taken away meanwhile.
        """
        made = MemoryTransaction(next(self._numbers))
        self._transactions[str(made.number)] = made
        try:
            yield made
            for settlement, now in made.settlements:
                if not (await self._jobs().settle([settlement], now=now)).accepted[0]:
                    raise TransientDatabaseError("the job was changed by somebody else meanwhile", "40001")
        except BaseException:
            made.outcome = TransactionOutcome.ROLLED_BACK
            raise
        made.take_effect()

    async def complete_in(
        self, settlement: Settlement, connection: Any, *, now: datetime | None = None
    ) -> str | None:
        if not isinstance(connection, MemoryTransaction):
            raise InvalidInput(
                "connection",
                f"expected a transaction of the memory driver, got {type(connection).__name__}",
                "async with driver.transaction() as connection: ...",
            )
        if connection.outcome is not TransactionOutcome.OPEN:
            raise InvalidInput("connection", "its transaction is over")
        row = self._state.jobs.get(settlement.job_id)
        already = any(earlier.job_id == settlement.job_id for earlier, _ in connection.settlements)
        if (
            row is None
            or already
            or not settles(
                row.status,
                row.epoch,
                row.worker_id,
                settlement.verdict.event,
                settlement.epoch,
                settlement.worker_id,
            )
        ):
            return None
        connection.settlements.append((settlement, now))
        return str(connection.number)

    async def outcome_of(self, token: str) -> TransactionOutcome:
        return self._transactions[token].outcome
