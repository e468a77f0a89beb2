"""What the demo's jobs do."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from pg_scheduler import RetryPolicy, current_job, task

QUICKLY = RetryPolicy(base=timedelta(seconds=1), cap=timedelta(seconds=1))


@task(name="greet")
async def greet(name: str) -> str:
    """The simplest job."""
    return f"hello {name}"


@task(name="send_reminder")
async def send_reminder(number: int) -> None:
    """A job for an instant."""


@task(name="urgent_or_not")
async def urgent_or_not(label: str) -> None:
    """One per priority."""


@task(name="flaky", retry=QUICKLY)
async def flaky() -> str:
    """Fails twice, then works."""
    if current_job().retry_count < 2:
        raise ConnectionError("the other side did not answer")
    return "worked at last"


@task(name="hopeless", retry=QUICKLY)
async def hopeless() -> None:
    """Fails for good."""
    raise ValueError("no such customer")


@task(name="long_export")
async def long_export() -> None:
    """Cancelled while it runs."""
    await asyncio.sleep(600)


@task(name="resize_photos", executor="thread")
def resize_photos(count: int) -> int:
    """A plain function, in a thread."""
    time.sleep(0.3)
    return count


@task(name="count_primes", executor="process")
def count_primes(limit: int) -> int:
    """CPU work, in a process."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


@task(name="settle_invoice")
async def settle_invoice(invoice: dict[str, Any]) -> None:
    """Arguments of rich types."""
    await asyncio.sleep(0.05)


@task(name="newsletter")
async def newsletter(number: int) -> None:
    """One of many."""


@task(name="order_paid")
async def order_paid(order: int) -> None:
    """Scheduled within somebody's transaction."""


@task(name="nightly_backup")
async def nightly_backup() -> str:
    """Long enough to lose its worker."""
    if current_job().attempt == 1:
        await asyncio.sleep(60)
    return "done by another worker"


ALL = (
    greet,
    send_reminder,
    urgent_or_not,
    flaky,
    hopeless,
    long_export,
    resize_photos,
    count_primes,
    settle_invoice,
    newsletter,
    order_paid,
    nightly_backup,
)
