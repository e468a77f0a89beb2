"""Completing jobs in the caller's own transaction, as SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.verdict import Settlement
from pg_scheduler.ports.completions import Fate
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.settling import Settling

_FATES = {"committed": Fate.COMMITTED, "aborted": Fate.ROLLED_BACK, "in progress": Fate.OPEN}


class PostgresCompletions:
    """`Completions` over a link. A receipt is the number of a transaction, or of the part of one that a
    savepoint began: the server itself knows what became of it, also after a crash."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def complete_in(
        self, settlement: Settlement, connection: Any, *, now: datetime | None = None
    ) -> str | None:
        session = self._link.session.on(connection)
        if not session.in_transaction():
            raise InvalidInput(
                "connection",
                "has no transaction open, so the completion could not be part of one",
                "Open one around your statements and this call",
            )
        link = self._link.over(session)
        # A settlement passes over rows that others hold; this one waits for them, in its own transaction.
        await link.run("lock_job", job_id=settlement.job_id)
        (accepted,) = await Settling(link, [settlement], now, ()).settle()
        if not accepted:
            return None
        (row,) = await link.run("written_by", job_id=settlement.job_id)
        receipt: str = row["receipt"]
        return receipt

    async def fate_of(self, receipt: str) -> Fate:
        (row,) = await self._link.run("fate_of", receipt=receipt)
        # Forgotten means a billion transactions ago: whatever is written now goes by the fence.
        return _FATES.get(row["fate"], Fate.ROLLED_BACK)
