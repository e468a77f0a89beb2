"""Completing a job in a transaction of its own function: effects and completion together, or not at all."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pg_scheduler.domain.verdict import Settlement


class TransactionOutcome(StrEnum):
    """What has become of a transaction."""

    COMMITTED = "committed"
    ROLLED_BACK = "rolled back"
    OPEN = "open"
    """Neither yet."""
    UNKNOWN = "unknown"
    """The server that knew has crashed, or another has taken over from it: if the transaction was committed,
    that is lost."""


class Completions(Protocol):
    """Settling in a transaction of the job's function."""

    async def complete_in(
        self, settlement: Settlement, connection: Any, *, now: datetime | None = None
    ) -> str | None:
        """Apply a COMPLETE verdict in the transaction that `connection` has open, by the fence of `settle`.

        Returns a token for `outcome_of`, or None if the fence refused: then nothing was written. The
        row stays, whatever retention says; it is pruned like others that ended without `settle`.

        Raises:
            InvalidInput: nothing that this driver can work on, or it has no transaction open.
        """
        ...

    async def outcome_of(self, token: str) -> TransactionOutcome:
        """What became of the transaction that the token stands for. A savepoint that was rolled back
        counts as rolled back, even if its transaction is still open."""
        ...
