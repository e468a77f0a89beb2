"""What every driver must do: one class of tests, run by the drivers of this project and by yours.

Subclass it and supply the fixture `driver`: a driver that is open, installed and holds nothing::

    class TestMyDriver(DriverContract):
        @pytest.fixture
        async def driver(self):
            driver = MyDriver(...)
            await driver.open()
            await driver.schema.install()
            yield driver
            await driver.schema.uninstall()
            await driver.close()

The tests are plain coroutine methods, so the runner must run those (pytest-asyncio: `asyncio_mode = auto`).
For readable failures let pytest rewrite their assertions, in a conftest.py and before the import:
``pytest.register_assert_rewrite("pg_scheduler.testing.contract")``.
"""

from __future__ import annotations

from pg_scheduler.testing.contract.cancelling import CancellingContract
from pg_scheduler.testing.contract.claiming import ClaimingContract
from pg_scheduler.testing.contract.ending import EndingContract
from pg_scheduler.testing.contract.enqueueing import EnqueueingContract
from pg_scheduler.testing.contract.excluding import ExcludingContract
from pg_scheduler.testing.contract.expiring import ExpiringContract
from pg_scheduler.testing.contract.fencing import FencingContract
from pg_scheduler.testing.contract.insight import InsightContract
from pg_scheduler.testing.contract.leasing import LeasingContract
from pg_scheduler.testing.contract.limiting import LimitingContract
from pg_scheduler.testing.contract.overriding import OverridingContract
from pg_scheduler.testing.contract.reclaiming import ReclaimingContract
from pg_scheduler.testing.contract.registering import RegisteringContract
from pg_scheduler.testing.contract.replacing import ReplacingContract
from pg_scheduler.testing.contract.retaining import RetentionContract
from pg_scheduler.testing.contract.scheduling import SchedulingContract
from pg_scheduler.testing.contract.scheduling_due import DueContract
from pg_scheduler.testing.contract.scheduling_rows import SchedulesContract
from pg_scheduler.testing.contract.schema import SchemaContract
from pg_scheduler.testing.contract.settling import SettlingContract
from pg_scheduler.testing.contract.signals import SignalsContract
from pg_scheduler.testing.contract.submitting import SubmittingContract
from pg_scheduler.testing.contract.superseding import SupersedingContract
from pg_scheduler.testing.contract.waiting import WaitingContract

__all__ = ["DriverContract"]


class DriverContract(
    SubmittingContract,
    ReplacingContract,
    ClaimingContract,
    WaitingContract,
    ExpiringContract,
    LeasingContract,
    SettlingContract,
    FencingContract,
    ReclaimingContract,
    CancellingContract,
    SupersedingContract,
    OverridingContract,
    SchedulingContract,
    DueContract,
    SchedulesContract,
    RegisteringContract,
    ExcludingContract,
    RetentionContract,
    InsightContract,
    SignalsContract,
    EnqueueingContract,
    LimitingContract,
    EndingContract,
    SchemaContract,
):
    """Every rule of the Driver port."""
