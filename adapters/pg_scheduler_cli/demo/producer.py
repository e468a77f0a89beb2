"""The producer process of the demo: schedules jobs of all kinds, and runs none."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg

from pg_scheduler import JobPriority, JobSpec, Scheduler
from pg_scheduler_cli.demo import tasks
from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.demo.lifeline import while_wanted

NEWSLETTERS, REMINDERS, CALLS_PER_PRIORITY = 300, 20, 4


def tell(job: str, note: str, what: str = "schedules") -> None:
    """What is about to be done; told before, so that it stands before what follows from it."""
    Event("producer", what, job, note).tell()


async def produce(dsn: str) -> None:
    """Schedule everything once."""
    scheduler = Scheduler(dsn)
    try:
        await _one_of_each(scheduler)
        await _bulk(scheduler)
        await _at_one_instant(scheduler)
        await _at_instants(scheduler)
        await _in_transactions(scheduler, dsn)
        await _the_long_one(scheduler)
    finally:
        await scheduler.shutdown()


async def _one_of_each(scheduler: Scheduler) -> None:
    now = datetime.now(UTC)
    tell("greeting", "for now")
    await scheduler.schedule(
        tasks.greet, execution_time=now, args=("world",), job_id="greeting", store_result=True
    )
    tell("import", "for now; it would run for ten minutes")
    await scheduler.schedule(tasks.import_catalogue, execution_time=now, job_id="import")
    tell("payment", "will fail twice; up to 3 retries")
    await scheduler.schedule(
        tasks.charge_card, execution_time=now, args=(Decimal("99.90"),), job_id="payment", max_retries=3
    )
    tell("parcel", "will always fail; up to 1 retry")
    await scheduler.schedule(
        tasks.ship_parcel, execution_time=now, args=("Nowhere 1",), job_id="parcel", max_retries=1
    )
    tell("photo", "a plain function, in a thread")
    await scheduler.schedule(
        tasks.resize_photo, execution_time=now, args=(640,), job_id="photo", store_result=True
    )
    tell("primes", "CPU work, in a process")
    await scheduler.schedule(
        tasks.count_primes, execution_time=now, args=(100_000,), job_id="primes", store_result=True
    )
    tell("invoice", "a dataclass of UUID, Decimal, date, bytes, ...")
    await scheduler.schedule(
        tasks.book_invoice, execution_time=now, args=(tasks.INVOICE,), job_id="invoice", store_result=True
    )


async def _bulk(scheduler: Scheduler) -> None:
    now = datetime.now(UTC)
    tell(f"newsletter-1..{NEWSLETTERS}", f"{NEWSLETTERS} jobs in one call")
    await scheduler.schedule_bulk(
        [
            JobSpec(tasks.send_newsletter, now, args=(number,), job_id=f"newsletter-{number}")
            for number in range(1, NEWSLETTERS + 1)
        ]
    )


async def _at_one_instant(scheduler: Scheduler) -> None:
    """The least urgent are scheduled first; all are due when the newsletters are long done."""
    due = datetime.now(UTC) + timedelta(seconds=1.2)
    priorities = list(reversed(JobPriority))
    tell("low-1..critical-4", f"{len(priorities) * CALLS_PER_PRIORITY} jobs for one instant, 4 priorities")
    await scheduler.schedule_bulk(
        [
            JobSpec(
                tasks.answer_call,
                due,
                args=(str(priority),),
                priority=priority,
                job_id=f"{priority}-{number}",
            )
            for priority in priorities
            for number in range(1, CALLS_PER_PRIORITY + 1)
        ]
    )


async def _at_instants(scheduler: Scheduler) -> None:
    first = datetime.now(UTC) + timedelta(seconds=2)
    tell(f"reminder-1..{REMINDERS}", "each for an instant of its own, 2 to 3 seconds ahead")
    for number in range(1, REMINDERS + 1):
        await scheduler.schedule(
            tasks.remind,
            execution_time=first + timedelta(milliseconds=50 * number),
            args=(number,),
            job_id=f"reminder-{number}",
        )


async def _in_transactions(scheduler: Scheduler, dsn: str) -> None:
    """Order 1 is committed together with its job; order 2 is rolled back, and its job with it."""
    connection = await asyncpg.connect(dsn)
    try:
        for order, verb in ((1, "commits"), (2, "rolls back")):
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("INSERT INTO orders (id) VALUES ($1)", order)
            tell(f"order-{order}", "in the transaction that stores the order")
            await scheduler.schedule(
                tasks.confirm_order,
                execution_time=datetime.now(UTC),
                args=(order,),
                job_id=f"order-{order}",
                connection=connection,
            )
            await asyncio.sleep(0.2)  # meanwhile no worker sees the job
            tell(f"order-{order}", "", verb)
            await (transaction.commit() if order == 1 else transaction.rollback())
    finally:
        await connection.close()


async def _the_long_one(scheduler: Scheduler) -> None:
    due = datetime.now(UTC) + timedelta(seconds=3.5)
    tell("report", "takes 3 seconds, starts in 3.5")
    await scheduler.schedule(tasks.write_report, execution_time=due, job_id="report", store_result=True)


if __name__ == "__main__":
    asyncio.run(while_wanted(produce(sys.argv[1])))
