"""The live lines of the demo."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import click

from pg_scheduler_cli.demo.events import Event, silence_stdout

SETTLING = 0.15
"""Seconds that a line waits for earlier ones: each process has a pipe of its own."""

SHOWN_OF_TASK = {"remind": {"started"}, "answer_call": {"started"}, "send_newsletter": set[str]()}
"""Tasks with many jobs: what is shown of them, beside what goes wrong. Elsewhere everything is."""
WORTH_A_LINE = {"will retry", "failed", "cancelled", "recovered", "released", "too late"}
COUNTED = "send_newsletter"
"""Of this task every hundredth completion is shown, with how many each worker had."""
COLOURS = {
    "completed": "green",
    "commits": "green",
    "opens": "cyan",
    "recovered": "magenta",
    "will retry": "yellow",
    "rolls back": "yellow",
    "cancels": "yellow",
    "cancelled": "yellow",
    "failed": "red",
    "kills": "red",
    "is dead": "red",
    "says": "red",
}


class Screen:
    """Prints events in the order in which they happened. `on_closed` is called when nobody reads any more."""

    def __init__(self, on_closed: Callable[[], None]) -> None:
        self._began = time.monotonic()
        self._waiting: list[Event] = []
        self._completed: Counter[str] = Counter()
        self._on_closed = on_closed
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._began

    def write(self, line: str = "") -> None:
        """One line, at once."""
        try:
            click.echo(line, color=self._colour)
            sys.stdout.flush()
        except BrokenPipeError:
            silence_stdout()
            self._on_closed()

    def heading(self, text: str) -> None:
        """A line that stands out."""
        self.write()
        self.write(click.style(text, bold=True))

    def show(self, event: Event) -> None:
        """An event's line, in its turn."""
        self._waiting += self._worth_showing(event)

    async def keep_showing(self) -> None:
        """Print what has settled, until cancelled."""
        while True:
            self.flush(older_than=SETTLING)
            await asyncio.sleep(0.05)

    def flush(self, older_than: float = 0.0) -> None:
        """Print the events that are at least so many seconds old."""
        until = time.monotonic() - older_than
        due = sorted((event for event in self._waiting if event.at <= until), key=lambda event: event.at)
        self._waiting = [event for event in self._waiting if event.at > until]
        for event in due:
            self.write(self._line(event))

    def _worth_showing(self, event: Event) -> Iterator[Event]:
        if event.task == COUNTED and event.what == "completed":
            self._completed[event.who] += 1
            total = self._completed.total()
            if total % 100 == 0:
                shares = ", ".join(f"{who} {count}" for who, count in sorted(self._completed.items()))
                yield replace(event, job="newsletters", note=f"{total} by now: {shares}")
        elif event.what in WORTH_A_LINE | SHOWN_OF_TASK.get(event.task, {event.what}):
            yield event

    def _line(self, event: Event) -> str:
        what = click.style(f"{event.what:<10}", fg=COLOURS.get(event.what))
        # No shorter than zero: the processes' first steps may be older than the first line.
        at = max(event.at - self._began, 0)
        return f"{at:8.3f}  {event.who:<8}  {what}  {event.job:<17}  {event.note}".rstrip()
