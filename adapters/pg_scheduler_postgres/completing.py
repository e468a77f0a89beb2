"""Completing jobs in the caller's own transaction, as SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.completions import TransactionOutcome
from pg_scheduler_postgres.callers import in_transaction_of
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.settling import Settling

_OUTCOMES = {
    "committed": TransactionOutcome.COMMITTED,
    "aborted": TransactionOutcome.ROLLED_BACK,
    "in progress": TransactionOutcome.OPEN,
    "unknown": TransactionOutcome.UNKNOWN,
}


class PostgresCompletions:
    """`Completions` over a link. A token is the number of a transaction, or of the part of one that a
    savepoint began: the server itself knows what became of it. After a crash, and after a failover, it knows
    of commits only."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def complete_in(
        self, settlement: Settlement, connection: Any, *, now: datetime | None = None
    ) -> str | None:
        session = await in_transaction_of(self._link, connection, "the completion")
        link = self._link.on_session(session)
        # A settlement passes over rows that others hold; this one waits for them, in its own transaction.
        await link.run("lock_job", job_id=settlement.job_id)
        (accepted,) = (await Settling(link, [settlement], now, ()).settle()).accepted
        if not accepted:
            return None
        (row,) = await link.run("written_by", job_id=settlement.job_id)
        token: str = row["token"]
        return token

    async def outcome_of(self, token: str) -> TransactionOutcome:
        (row,) = await self._link.run("outcome_of", token=token)
        # Forgotten means a billion transactions ago: whatever is written now goes by the fence.
        return _OUTCOMES.get(row["outcome"], TransactionOutcome.ROLLED_BACK)
