"""What the staged workers run: `pgq run tests.incidents.shop:before`, or, after the deploy, `:after`."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from pg_scheduler import RetryPolicy
from tests.support.running import BriskScheduler

DSN, FOLDER = "INCIDENT_DSN", "INCIDENT_FOLDER"
"""Variables that say where the database is, and where files tell the tasks how the world is."""


def is_so(what: str) -> bool:
    """Whether the stage wants it so."""
    return Path(os.environ[FOLDER], what).exists()


async def send(to: str) -> None:
    """A letter."""


async def charge(order: int) -> None:
    """Calls an API, which may be down."""
    if is_so("api-down"):
        raise ConnectionError("POST https://pay.example.org/charges: 503 Service Unavailable")


async def report(month: str) -> None:
    """One of them never comes to an end."""
    while month == "2026-02":
        await asyncio.sleep(3600)


async def crunch(number: int) -> None:
    """Takes as long as the stage wants."""
    while is_so("crunching"):
        await asyncio.sleep(0.05)


def _made(sender: str) -> BriskScheduler:
    made = BriskScheduler.connect(os.environ[DSN])
    made.register(send, name=sender)
    made.register(charge, name="billing.charge", retry=RetryPolicy(base=timedelta(seconds=0.2)))
    made.register(report, name="reports.build")
    made.register(crunch, name="numbers.crunch")
    return made


def before() -> BriskScheduler:
    """As it has always been."""
    return _made("mail.send")


def after() -> BriskScheduler:
    """A deploy has renamed a task, and nobody thought of what waits."""
    return _made("mail.deliver")
