"""The producer process of the demo: schedules jobs of all kinds, and runs none."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import asyncpg

from pg_scheduler import JobPriority, JobSpec, Scheduler
from pg_scheduler_cli.demo import tasks
from pg_scheduler_cli.demo.worker import tell

NEWSLETTERS, REMINDERS = 300, 20


def _tell(what: str) -> None:
    tell(who="producer", what=what)


async def produce(dsn: str) -> None:
    """Schedule everything once."""
    scheduler = Scheduler(dsn)
    now = datetime.now(UTC)
    await scheduler.schedule(tasks.nightly_backup, execution_time=now, job_id="backup")
    await scheduler.schedule(tasks.long_export, execution_time=now, job_id="export")
    await scheduler.schedule(tasks.greet, execution_time=now, args=("world",), store_result=True)
    for priority in reversed(JobPriority):
        await scheduler.schedule(
            tasks.urgent_or_not,
            execution_time=now + timedelta(seconds=1),
            args=(str(priority),),
            priority=priority,
        )
    await scheduler.schedule(tasks.flaky, execution_time=now, max_retries=3, store_result=True)
    await scheduler.schedule(tasks.hopeless, execution_time=now, max_retries=1)
    await scheduler.schedule(tasks.resize_photos, execution_time=now, args=(12,), store_result=True)
    await scheduler.schedule(tasks.count_primes, execution_time=now, args=(100_000,), store_result=True)
    invoice = {"id": uuid4(), "total": Decimal("99.90"), "due": date(2030, 1, 31), "pdf": b"%PDF"}
    await scheduler.schedule(tasks.settle_invoice, execution_time=now, args=(invoice,))
    _tell("scheduled one job of every kind")
    await scheduler.schedule_bulk(
        [
            JobSpec(tasks.newsletter, now, args=(number,), priority=JobPriority.LOW)
            for number in range(NEWSLETTERS)
        ]
    )
    _tell(f"scheduled {NEWSLETTERS} newsletters in one call")
    await _in_transactions(scheduler, dsn)
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    for number in range(REMINDERS):
        instant = due + timedelta(milliseconds=200 * number)
        await scheduler.schedule(tasks.send_reminder, execution_time=instant, args=(number,))
    _tell(f"scheduled {REMINDERS} reminders, each for an instant of its own")
    await scheduler.shutdown()


async def _in_transactions(scheduler: Scheduler, dsn: str) -> None:
    """Order 1 is committed together with its job; order 2 is rolled back, and so is its job."""
    connection = await asyncpg.connect(dsn)
    now = datetime.now(UTC)
    try:
        async with connection.transaction():
            await scheduler.schedule(tasks.order_paid, execution_time=now, args=(1,), connection=connection)
        rolled_back = connection.transaction()
        await rolled_back.start()
        await scheduler.schedule(tasks.order_paid, execution_time=now, args=(2,), connection=connection)
        await rolled_back.rollback()
    finally:
        await connection.close()
    _tell("scheduled a job in a transaction that committed, and one in a transaction that rolled back")


if __name__ == "__main__":
    asyncio.run(produce(sys.argv[1]))
