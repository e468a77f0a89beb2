"""`make demo`: watch jobs run on a real PostgreSQL, in under a minute."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import click

from pg_scheduler import __version__
from pg_scheduler_cli.demo.findings import report
from pg_scheduler_cli.demo.screen import Screen
from pg_scheduler_cli.demo.stage import DemoFailed, Stage
from pg_scheduler_cli.demo.story import tell_story
from pg_scheduler_cli.serving import stop_signals
from pg_scheduler_embedded import find_binaries


async def play(keep: bool) -> int:
    """The whole demo; the exit code: 0 if every expectation held, 1 if not, 128 + n after signal n."""
    stop_requested: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(number: int) -> None:
        # The first signal ends the demo; further ones must not interrupt the clean-up.
        if not stop_requested.done():
            stop_requested.set_result(number)

    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    screen = Screen(on_closed=lambda: end(signal.SIGPIPE))
    showing = asyncio.create_task(screen.keep_showing())
    try:
        async with Stage(screen) as stage:
            return await _perform(stage, stop_requested, keep)
    finally:
        showing.cancel()


async def _perform(stage: Stage, stop_requested: asyncio.Future[int], keep: bool) -> int:
    performing = asyncio.create_task(_story_and_report(stage))
    either: set[asyncio.Future[Any]] = {performing, stop_requested}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not performing.done():
        performing.cancel()
        await asyncio.wait({performing})
        stage.screen.write("\nInterrupted: stopping every process and removing the server.")
        return 128 + stop_requested.result()
    held = performing.result()
    if keep and stage.dsn:
        _say_how_to_look(stage)
        await stop_requested
        stage.screen.write("\nStopping every process and removing the server.")
    return 0 if held else 1


async def _story_and_report(stage: Stage) -> bool:
    screen = stage.screen
    screen.write(click.style(f"pg_scheduler {__version__}, from an empty folder to jobs that ran", bold=True))
    screen.write(f"\n{'seconds':>8}  {'who':<8}  {'what':<10}  job")
    failure, killed = "", "nobody"
    try:
        killed = await tell_story(stage)
    except DemoFailed as error:
        failure = str(error)
    await asyncio.sleep(0.3)  # for the last lines to arrive
    screen.flush()
    held = await report(stage.dsn, screen, killed, stage.worker_ids) if stage.dsn else False
    if failure:
        screen.write(f"  {click.style('NOT ok', fg='red', bold=True)}  the demo ran to its end: {failure}")
    held = held and not failure
    verdict = "Every expectation held" if held else "NOT every expectation held"
    screen.write(f"\n{click.style(verdict, bold=True)}, after {screen.seconds:.1f} seconds.")
    return held


def _say_how_to_look(stage: Stage) -> None:
    psql = "psql" if shutil.which("psql") else str(find_binaries().folder / "psql")
    pgq = "pgq" if shutil.which("pgq") else os.path.relpath(Path(sys.executable).with_name("pgq"))
    stage.screen.heading("The server, the workers and the dashboard keep running:")
    stage.screen.write(f"  {stage.page}")
    stage.screen.heading("From another terminal:")
    stage.screen.write(f'  {psql} {stage.dsn} -c "SELECT job_id, status FROM scheduled_jobs LIMIT 9"')
    stage.screen.write(f"  {pgq} db status --dsn {stage.dsn}")
    stage.screen.write("Ctrl-C ends everything.")


@click.command()
@click.option("--keep", is_flag=True, help="Keep all of it running until Ctrl-C.")
def main(keep: bool) -> None:
    """Watch jobs of all kinds run on an embedded PostgreSQL server while one worker is killed."""
    try:
        code = asyncio.run(play(keep))
    except KeyboardInterrupt:  # before the first process was started
        code = 128 + signal.SIGINT
    sys.exit(code)


if __name__ == "__main__":
    main()
