"""What the containers run: one task, one schedule."""

from __future__ import annotations

import os
from datetime import timedelta

from pg_scheduler import Scheduler, periodic, task


@task(queue="mail", max_retries=3, timeout=timedelta(seconds=50), store_result=True)
async def deliver(to: str) -> str:
    """Take a letter to somebody."""
    return f"delivered to {to}"


@periodic(cron="0 7 * * *", timezone="Europe/Paris")
async def empty_boxes() -> None:
    """Every morning."""


def main() -> Scheduler:
    """What `pgq run post_office:main` serves."""
    return Scheduler.from_env(task_modules=["post_office"], app_version=os.environ.get("RELEASE"))
