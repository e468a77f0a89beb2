"""What every driver must do: classes of tests, run by the drivers of this project and by yours.

Import all of them into a module of tests, and supply the fixture `driver`: a driver that is open, installed
and holds nothing::

    from pg_scheduler.testing.contract import *

    @pytest.fixture
    async def driver():
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

from pg_scheduler.testing.contract.asking_workers import TestAskingWorkers
from pg_scheduler.testing.contract.auditing import TestAuditing
from pg_scheduler.testing.contract.cancelling import TestCancelling
from pg_scheduler.testing.contract.changing import TestChanging
from pg_scheduler.testing.contract.claiming import TestClaiming
from pg_scheduler.testing.contract.diagnosing import TestDiagnosing
from pg_scheduler.testing.contract.ending import TestEnding
from pg_scheduler.testing.contract.enqueueing import TestEnqueueing
from pg_scheduler.testing.contract.excluding import TestExcluding
from pg_scheduler.testing.contract.expiring import TestExpiring
from pg_scheduler.testing.contract.explaining import TestExplaining
from pg_scheduler.testing.contract.failing import TestFailing
from pg_scheduler.testing.contract.fencing import TestFencing
from pg_scheduler.testing.contract.fleet import TestFleet
from pg_scheduler.testing.contract.insight import TestInsight
from pg_scheduler.testing.contract.leasing import TestLeasing
from pg_scheduler.testing.contract.limiting import TestLimiting
from pg_scheduler.testing.contract.limiting_queues import TestLimitingQueues
from pg_scheduler.testing.contract.limits_changing import TestLimitsChanging
from pg_scheduler.testing.contract.overriding import TestOverriding
from pg_scheduler.testing.contract.paging import TestPaging
from pg_scheduler.testing.contract.pausing_queues import TestPausingQueues
from pg_scheduler.testing.contract.queueing import TestQueueing
from pg_scheduler.testing.contract.reclaiming import TestReclaiming
from pg_scheduler.testing.contract.registering import TestRegistering
from pg_scheduler.testing.contract.replacing import TestReplacing
from pg_scheduler.testing.contract.retaining import TestRetaining
from pg_scheduler.testing.contract.scheduling import TestScheduling
from pg_scheduler.testing.contract.scheduling_due import TestSchedulingDue
from pg_scheduler.testing.contract.scheduling_rows import TestSchedulingRows
from pg_scheduler.testing.contract.schema import TestSchema
from pg_scheduler.testing.contract.settling import TestSettling
from pg_scheduler.testing.contract.signals import TestSignals
from pg_scheduler.testing.contract.straying import TestStraying
from pg_scheduler.testing.contract.submitting import TestSubmitting
from pg_scheduler.testing.contract.succeeding import TestSucceeding
from pg_scheduler.testing.contract.summarizing import TestSummarizing
from pg_scheduler.testing.contract.superseding import TestSuperseding
from pg_scheduler.testing.contract.waiting import TestWaiting
from pg_scheduler.testing.contract.waiting_for_room import TestWaitingForRoom
from pg_scheduler.testing.contract.words import TestWords

__all__ = [
    "TestAskingWorkers",
    "TestAuditing",
    "TestCancelling",
    "TestChanging",
    "TestClaiming",
    "TestDiagnosing",
    "TestEnding",
    "TestEnqueueing",
    "TestExcluding",
    "TestExpiring",
    "TestExplaining",
    "TestFailing",
    "TestFencing",
    "TestFleet",
    "TestInsight",
    "TestLeasing",
    "TestLimiting",
    "TestLimitingQueues",
    "TestLimitsChanging",
    "TestOverriding",
    "TestPaging",
    "TestPausingQueues",
    "TestQueueing",
    "TestReclaiming",
    "TestRegistering",
    "TestReplacing",
    "TestRetaining",
    "TestScheduling",
    "TestSchedulingDue",
    "TestSchedulingRows",
    "TestSchema",
    "TestSettling",
    "TestSignals",
    "TestStraying",
    "TestSubmitting",
    "TestSucceeding",
    "TestSummarizing",
    "TestSuperseding",
    "TestWaiting",
    "TestWaitingForRoom",
    "TestWords",
]
