"""`make demo`: watch jobs run on a real PostgreSQL, in under a minute."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg
import click

from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.demo.findings import UNFINISHED, report
from pg_scheduler_cli.demo.stage import WORKERS, Stage
from pg_scheduler_embedded import EmbeddedServer

PATIENCE = 45.0
"""Seconds until unfinished jobs are reported instead of waited for."""


async def _story(stage: Stage) -> None:
    scheduler = Scheduler(stage.dsn)
    await scheduler.initialize_db()
    stage.say("demo", "tables created; starting three workers and a producer, each a process")
    for name in WORKERS:
        await stage.start(name, "worker", name)
    producer = await stage.start("producer", "producer")
    victim = await stage.owner_of("backup")
    await stage.owner_of("export")
    await producer.wait()
    stage.say("demo", "cancelling the long export while it runs")
    await scheduler.cancel_job("export")
    stage.say("demo", f"killing {victim} in the middle of the nightly backup; its lease runs out in 3 s")
    stage.kill(victim)
    await _until_finished(stage)
    await scheduler.shutdown()


async def _until_finished(stage: Stage) -> None:
    connection = await asyncpg.connect(stage.dsn)
    try:
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(UNFINISHED):
                await asyncio.sleep(0.1)
    except TimeoutError:
        stage.say("demo", f"jobs are unfinished after {PATIENCE:.0f} s")
    finally:
        await connection.close()


async def _play(dsn: str, keep: bool) -> bool:
    stage = Stage(dsn)
    try:
        await _story(stage)
        held = await report(dsn)
        print(f"\n{'All expectations held.' if held else 'Some expectations did NOT hold.'}")
        if keep:
            print(
                "\nStill running; Ctrl-C ends it. Look around with:\n"
                f'  psql "{dsn}" -c "SELECT job_name, status FROM scheduled_jobs"\n'
                f'  .venv/bin/pgq db status --dsn "{dsn}"',
                flush=True,
            )
            await asyncio.Event().wait()
        return held
    finally:
        await stage.close()


@click.command()
@click.option("--keep", is_flag=True, help="Keep server and workers running until Ctrl-C.")
def main(keep: bool) -> None:
    """Watch jobs run on an embedded PostgreSQL."""
    server = EmbeddedServer()
    print(f"Starting PostgreSQL {server.version} in a temporary folder ...", flush=True)
    held = False
    with server, contextlib.suppress(KeyboardInterrupt):
        held = asyncio.run(_play(server.dsn, keep))
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
