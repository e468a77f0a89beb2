"""How many jobs one claim takes, where nobody said so."""

from __future__ import annotations

from typing import Final

from pg_scheduler.domain.inputs import checked_positive


class _Unsaid(int):
    """The documented number, told from the same number of somebody's own."""


UNSAID: Final[int] = _Unsaid(10)
"""The documented default of `batch_claim_limit`. Whoever leaves it at that has no small claims in mind: a
claim then takes as many jobs as the slots get through in a short time, and a job costs the server less."""


def checked_batch_limit(field: str, value: int) -> int:
    """What somebody said, from 1 on, or `UNSAID`."""
    return value if value is UNSAID else checked_positive(field, value)


def batch_limit_of(value: int) -> int | None:
    """The most that one claim takes; None: as many as the slots get through."""
    return None if value is UNSAID else value
