"""What the demo's jobs do."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

from pg_scheduler import RetryPolicy, current_job, task

SOON = RetryPolicy(base=timedelta(seconds=0.5), factor=2.0, cap=timedelta(seconds=1))
"""Delays of 0.5 and 1 second, where the default would be a minute and two."""


@task(name="greet")
async def greet(name: str) -> str:
    """The simplest job."""
    return f"hello {name}"


@task(name="remind")
async def remind(number: int) -> None:
    """A job for an instant."""


@task(name="answer_call")
async def answer_call(priority: str) -> None:
    """One of many that are due at the same instant, more than fit at once."""
    await asyncio.sleep(0.15)


@task(name="charge_card", retry=SOON)
async def charge_card(amount: Decimal) -> str:
    """Fails twice, then works."""
    if current_job().retry_count < 2:
        raise ConnectionError("the bank did not answer")
    return f"charged {amount}"


@task(name="ship_parcel", retry=SOON)
async def ship_parcel(address: str) -> None:
    """Fails for good."""
    raise ValueError(f"no such street: {address}")


@task(name="import_catalogue")
async def import_catalogue() -> None:
    """Would run for ten minutes; cancelled before."""
    await asyncio.sleep(600)


@task(name="resize_photo", executor="thread")
def resize_photo(width: int) -> str:
    """A plain function that blocks, in a thread; returns the thread's name."""
    time.sleep(0.3)
    return threading.current_thread().name


@task(name="count_primes", executor="process")
def count_primes(limit: int) -> dict[str, int]:
    """CPU work, in a process; returns which."""
    primes = sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))
    return {"primes": primes, "pid": os.getpid()}


@task(name="send_newsletter")
async def send_newsletter(number: int) -> None:
    """One of hundreds."""


@task(name="confirm_order")
async def confirm_order(order: int) -> None:
    """Scheduled in the transaction that stores the order."""


@task(name="write_report")
async def write_report() -> str:
    """Long enough for its worker to be killed."""
    await asyncio.sleep(3)
    return f"written in attempt {current_job().attempt}"


class Terms(Enum):
    """When an invoice is to be paid."""

    AT_ONCE = "at once"
    LATER = "later"


@dataclass(frozen=True)
class Invoice:
    """Arguments need not be strings and numbers."""

    id: UUID
    total: Decimal
    due: date
    written: datetime
    grace: timedelta
    terms: Terms
    pdf: bytes
    lines: tuple[str, ...]


INVOICE = Invoice(
    id=UUID(int=2**127 - 1),
    total=Decimal("99.90"),
    due=date(2030, 1, 31),
    written=datetime(2030, 1, 1, 9, 30, tzinfo=UTC),
    grace=timedelta(days=3, microseconds=1),
    terms=Terms.LATER,
    pdf=b"%PDF\x00\xff",
    lines=("a chair", "a table"),
)


@task(name="book_invoice")
async def book_invoice(invoice: Invoice) -> list[str]:
    """Checks that every value came back as it was sent; returns their types."""
    if invoice != INVOICE:
        raise ValueError(f"not what was sent: {invoice}")
    return [type(getattr(invoice, one.name)).__name__ for one in fields(invoice)]


ALL = (
    greet,
    remind,
    answer_call,
    charge_card,
    ship_parcel,
    import_catalogue,
    resize_photo,
    count_primes,
    send_newsletter,
    confirm_order,
    write_report,
    book_invoice,
)
