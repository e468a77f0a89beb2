"""A store in which there is something of everything: for pictures, and for looking at every screen."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pg_scheduler import PollingConfig, Queries, RetryPolicy, Scheduler, VacuumConfig, task
from pg_scheduler.client.source import Source
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.minutes import Tally
from pg_scheduler.job_spec import JobSpec

ADA = Actor("ada@example.org", "web")


@task(name="mail.send", queue="mail")
async def send(to: str, subject: str = "Welcome", token: str = "") -> str:
    """Sometimes the other side does not answer."""
    await asyncio.sleep(0.01)
    if to.startswith("slow"):
        raise TimeoutError(f"smtp.example.org:587 did not answer within 10 s while sending to {to}")
    return f"sent to {to}"


@task(name="reports.monthly", queue="reports")
async def report(month: str) -> None:
    """Takes its time."""
    from pg_scheduler import current_job

    current_job().progress(37, 120)
    await asyncio.sleep(3600)


@task(name="billing.charge", queue="billing")
async def charge(order: int, card: dict[str, str] | None = None) -> dict[str, object]:
    """Fails for some."""
    if order % 7 == 3:
        raise ConnectionError(f"payment gateway refused order {order}: 502 Bad Gateway")
    return {"order": order, "receipt": 9007199254740993}


@task(name="images.resize", queue="media")
async def resize(path: str, width: int = 640) -> None:
    """Quick."""


async def _an_hour_of_work(scheduler: Scheduler) -> None:
    """As workers would have written it."""
    now = datetime.now(UTC)
    for back in range(60, 1, -1):
        wave = 40 + int(25 * math.sin(back / 7)) + (back * 37) % 11
        failed = 9 if 22 <= back <= 26 else back % 13 == 0
        mail = Tally(wave + failed, wave, int(failed))
        mail.waits[3], mail.waits[6], mail.runs[7], mail.runs[9] = wave - 4, 4, wave - 6, 6
        images = Tally(wave // 2, wave // 2)
        images.waits[2], images.runs[5], images.runs[8] = wave // 2, wave // 2 - 2, 2
        work = {("mail", "mail.send"): mail, ("media", "images.resize"): images}
        await scheduler.driver.minutes.note("w", work, now=now - timedelta(minutes=back))


@asynccontextmanager
async def furnished(source: Source) -> AsyncIterator[Scheduler]:
    """A scheduler over a furnished store, with two workers that run."""
    polling = PollingConfig(interval=1.0)
    workers = [
        Scheduler(source, max_concurrent_jobs=8, polling_config=polling, app_version="2026.11.3",
                  vacuum_config=VacuumConfig(), queues=queues)
        for queues in (None, {"mail": 4, "billing": None})
    ]  # fmt: skip
    scheduler = workers[0]
    for one in workers:
        for func in (send, report, charge, resize):
            one.register(func, retry=RetryPolicy(base=timedelta(minutes=10)))
    await scheduler.initialize_db()
    for number in range(60):
        await scheduler.enqueue(resize, f"/photos/{number:04}.jpg")
    await scheduler.schedule_bulk(
        [JobSpec(func=charge, execution_time=datetime.now(UTC), args=(number,)) for number in range(24)]
    )
    for name in ("ada", "grace", "slow-edsger", "barbara", "slow-donald"):
        await scheduler.using(max_retries=1 if name == "slow-donald" else 0).enqueue(
            send, f"{name}@example.org", token="s3cret"
        )
    await scheduler.enqueue(report, "2026-10")
    for one in workers:
        await one.start()
    queries = Queries(scheduler)
    await _an_hour_of_work(scheduler)
    async with asyncio.timeout(20):
        while (
            (await scheduler.jobs(status="pending", queue="media", limit=1))
            or not (await scheduler.jobs(status="running", queue="reports", limit=1))
            or (await scheduler.jobs(status="running", task="billing.charge", limit=1))
        ):
            await asyncio.sleep(0.05)
    await queries.client.pause_queue("media", True, by=ADA)
    await queries.client.limit_queue("billing", 4, 10.0, by=Actor("ops@build-7", "cli"))
    for number in range(18):
        await scheduler.enqueue(resize, f"/photos/later-{number:04}.jpg")
    await queries.enqueue(["crm.sync_contacts"] * 3, [b"{}"] * 3)
    await scheduler.schedule(send, delay=timedelta(hours=2), args=("tomorrow@example.org",))
    await scheduler.add_schedule(
        "reports.monthly", cron="0 6 1 * *", timezone="Europe/Berlin", args=["latest"], key="monthly-report"
    )
    await scheduler.add_schedule(
        "mail.send", every=timedelta(hours=1), args=["digest@example.org"], key="hourly-digest"
    )
    await scheduler.add_schedule(
        "images.resize", cron="30 2 * * *", timezone="Europe/Berlin", args=["x"], key="nightly-thumbnails"
    )
    await scheduler.pause_schedule("nightly-thumbnails")
    cancelled = await scheduler.jobs(status="pending", task="images.resize", limit=2)
    await queries.client.cancel([job.job_id for job in cancelled], by=ADA)
    try:
        yield scheduler
    finally:
        for one in workers:
            await one.shutdown(timeout=0)
