"""What happens in the demo, in order."""

from __future__ import annotations

import asyncio

import asyncpg

from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.demo.stage import DemoFailed, Stage

WORKERS = ("ada", "edsger", "grace")
LONGEST = 45.0
"""Seconds until unfinished jobs are reported rather than waited for."""


async def tell_story(stage: Stage) -> str:
    """Play everything from an empty folder to the last finished job; returns the id of the killed worker.

    Raises:
        DemoFailed: an expected event did not happen.
    """
    stage.say("starts", note="PostgreSQL in a temporary folder")
    stage.start("server", "server")
    dsn = await stage.wait_for(lambda: stage.dsn, "PostgreSQL", seconds=60)
    scheduler = Scheduler(dsn)
    try:
        await scheduler.initialize_db()
        await _create_orders(dsn)
        stage.say("creates", note="the scheduler's tables, and a table of orders")
        stage.start("page", "page", dsn)
        stage.say("starts", note="three workers and a producer, each a process")
        for name in WORKERS:
            stage.start(name, "worker", dsn, name)
        await stage.wait_for(lambda: len(stage.worker_ids) == len(WORKERS), "three workers")
        await stage.wait_for(lambda: stage.page, "the dashboard")
        producer = stage.start("producer", "producer", dsn)
        await _cancel_while_running(stage, scheduler)
        await stage.wait_for(producer.gone.is_set, "the end of the producer")
        victim = await _kill_while_running(stage)
        await _until_finished(stage, scheduler)
    finally:
        await scheduler.shutdown()
    return stage.worker_ids[victim]


async def _create_orders(dsn: str) -> None:
    """Create a table of the application, to be written in one transaction with a job."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE orders (id integer PRIMARY KEY)")
    finally:
        await connection.close()


async def _cancel_while_running(stage: Stage, scheduler: Scheduler) -> None:
    await stage.wait_for(lambda: stage.runs.get("import"), "the start of the import")
    await asyncio.sleep(0.6)  # so that a viewer sees it run
    stage.say("cancels", "import", "while it runs")
    await scheduler.cancel_job("import")


async def _kill_while_running(stage: Stage) -> str:
    victim = await stage.wait_for(lambda: stage.runs.get("report"), "the start of the report")
    await asyncio.sleep(0.8)
    stage.say("kills", "report", f"SIGKILL to {victim}; its lease ends within 3 s")
    stage.kill(victim)
    return victim


async def _until_finished(stage: Stage, scheduler: Scheduler) -> None:
    while True:
        counts = await scheduler.driver.insight.counts()
        unfinished = sum(count for status, count in counts.items() if not status.finished)
        if not unfinished:
            return
        if stage.screen.seconds > LONGEST:
            raise DemoFailed(f"jobs still unfinished after {LONGEST:g} s: {unfinished}")
        await asyncio.sleep(0.1)
