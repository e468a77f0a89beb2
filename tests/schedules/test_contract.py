"""The contract's parts for schedules, locks and retention, over every driver."""

from __future__ import annotations

from pg_scheduler.testing.contract.excluding import ExcludingContract
from pg_scheduler.testing.contract.registering import RegisteringContract
from pg_scheduler.testing.contract.retaining import RetentionContract
from pg_scheduler.testing.contract.scheduling import SchedulesContract, SchedulingContract


class TestContract(
    SchedulingContract, SchedulesContract, RegisteringContract, RetentionContract, ExcludingContract
):
    """All parts."""
