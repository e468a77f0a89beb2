"""`pgq top`: what is going on, live, in however narrow a terminal."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from pg_scheduler.domain.errors import MissingDependency
from pg_scheduler.domain.problem import Severity
from pg_scheduler.domain.replica import Replica
from pg_scheduler.domain.summary import QueueTask
from pg_scheduler.domain.version import install_command
from pg_scheduler.queries import Queries
from pg_scheduler_cli.ages import age_shown
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import Connection, reading
from pg_scheduler_cli.stats import SHORTEST_PAUSE, Seen, duration_shown, look

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS: tuple[tuple[str, int], ...] = (
    ("DUE", 0), ("OLDEST", 0), ("RUN", 0), ("FAILED", 60), ("STARTED", 70), ("WAIT P95", 80), ("RUN P95", 90),
)  # fmt: skip
"""Each with how wide a terminal must be to show it."""
MOST_PROBLEMS = 3
"""Lines that are given to what is wrong."""
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


@click.command()
@click.option("--every", default=2.0, show_default=True, metavar="SECONDS", help="How often it looks.")
@click.option("--rounds", type=int, hidden=True, help="End after so many looks.")
@reading
def top(connection: Connection, every: float, rounds: int | None) -> None:
    """Show what is going on, live: what is wrong, queues and tasks, the busiest first, and workers. Ctrl-C
    ends it. It needs the extra `tui`; `pgq stats --watch 2` does without."""
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        raise MissingDependency(
            f"pgq top needs the package rich: {install_command('tui')}, or use pgq stats --watch 2"
        ) from None
    console = Console()

    async def show(queries: Queries) -> None:
        left = rounds
        with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while left is None or left > 0:
                began = time.monotonic()
                seen, replica = await look(queries), await queries.replica()
                live.update(screen_of(seen, console.width, console.height, replica), refresh=True)
                left = None if left is None else left - 1
                if left != 0:
                    await asyncio.sleep(max(every - (time.monotonic() - began), SHORTEST_PAUSE))

    try:
        connection.look(show)
    except KeyboardInterrupt:
        return


def screen_of(seen: Seen, width: int, height: int, replica: Replica | None = None) -> RenderableType:
    """What fits into a terminal of this size."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    summary = seen.summary
    alive = [worker for worker in seen.workers if worker.alive]
    running = sum(row.running for row in summary.rows)
    due = sum(row.due for row in summary.rows)
    more = "" if all(row.due_exact for row in summary.rows) else "+"
    head = f"{summary.now:%H:%M:%SZ}  {due:,}{more} due  {running} running  {len(alive)} workers"
    head += "" if replica is None else f"  from {replica}"
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True)
    table.add_column("QUEUE / TASK", no_wrap=True, overflow="ellipsis", ratio=1)
    shown = [name for name, least in COLUMNS if width >= least]
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    rows = sorted(summary.rows, key=_urgency, reverse=True)
    wrong = [
        Text(f"{problem.code}: {harmless(problem.text)}", style=style, no_wrap=True, overflow="ellipsis")
        for problem in seen.problems
        if (style := _STYLES.get(problem.severity)) is not None
    ][:MOST_PROBLEMS]
    for row in rows[: max(height - 4 - len(wrong), 1)]:
        cells = _cells(row)
        style = "yellow" if row.paused else "red" if row.failed else ""
        table.add_row(Text(_name(row)), *(Text(cells[name]) for name in shown), style=style)
    return Group(Text(head, no_wrap=True, overflow="ellipsis", style="bold"), *wrong, table)


def _name(row: QueueTask) -> str:
    task, queue = harmless(row.task_name) or "(others)", harmless(row.queue)
    return f"{task}{' (paused)' if row.paused else ''}" if queue == "default" else f"{queue} / {task}"


def _urgency(row: QueueTask) -> tuple[float, int, int, str]:
    oldest = 0.0 if row.oldest_due is None else row.oldest_due.total_seconds()
    return oldest, row.due, row.running + row.started, row.task_name


def _cells(row: QueueTask) -> dict[str, str]:
    return {
        "DUE": f"{row.due:,}{'' if row.due_exact else '+'}",
        "OLDEST": age_shown(row.oldest_due),
        "RUN": str(row.running),
        "FAILED": f"{row.failed:,}",
        "STARTED": f"{row.started:,}",
        "WAIT P95": duration_shown(row.wait_p95),
        "RUN P95": duration_shown(row.run_p95),
    }
