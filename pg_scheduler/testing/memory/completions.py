"""Functions that complete their job in a transaction of their own, in memory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pg_scheduler.domain.settling import settles
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.completions import TransactionOutcome
from pg_scheduler.ports.job_store import SettleAnswer
from pg_scheduler.testing.memory.transactions import MemoryTransactions, Stores


class MemoryCompletions:
    """`Completions` in this process' memory. Nothing is locked: what others do to the job until the commit
    makes the commit fail, where a database would have let them wait."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._transactions = transactions

    async def complete_in(
        self, settlement: Settlement, connection: Any, *, now: datetime | None = None
    ) -> str | None:
        transaction = self._transactions.of(connection)
        row = (await transaction.view()).jobs.get(settlement.job_id)
        if row is None or not settles(
            row.status,
            row.epoch,
            row.worker_id,
            settlement.verdict.event,
            settlement.epoch,
            settlement.worker_id,
        ):
            return None

        async def settle(stores: Stores) -> SettleAnswer:
            return await stores.jobs.settle([settlement], now=now)

        await transaction.do(settle)
        return str(transaction.number)

    async def outcome_of(self, token: str) -> TransactionOutcome:
        return self._transactions.outcome_of(token)
