"""Reads the tables after the demo and checks that they hold what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import asyncpg
import click

from pg_scheduler_cli.demo.screen import Screen
from pg_scheduler_cli.output import table_lines


class Findings:
    """Reads back what is stored, by SQL alone, and prints it."""

    def __init__(self, connection: Any, screen: Screen, worker_ids: Mapping[str, str]) -> None:
        self._connection = connection
        self._screen = screen
        self._names = {worker_id: f"{name} {worker_id}" for name, worker_id in worker_ids.items()}

    async def report(self, killed_worker: str) -> bool:
        """Print everything; whether all expectations held. `killed_worker` is a worker's id."""
        screen = self._screen
        screen.heading("The tables now")
        await self._table("tasks")
        screen.write()
        totals = await self._rows("totals")
        screen.write("  " + ", ".join(f"{row['amount']} {row['what']}" for row in totals))
        screen.heading("Attempts that did not complete their job (scheduled_job_attempts)")
        await self._table("history")
        (late,) = await self._rows("lateness")
        screen.heading("Lateness of the reminders (start minus execution_time) on this machine")
        screen.write("  p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms, worst {worst_ms:.1f} ms".format(**late))
        screen.heading("Expectations")
        expectations = await self._rows("expectations", killed_worker)
        for row in expectations:
            screen.write(_judged(row["claim"], row["held"], row["found"]))
        return all(row["held"] for row in expectations)

    async def _table(self, name: str) -> None:
        rows = await self._rows(name)
        cells = [[self._cell(*column) for column in row.items()] for row in rows]
        for line in table_lines(list(rows[0].keys()) if rows else ["nothing"], cells):
            self._screen.write(f"  {line}")

    def _cell(self, heading: str, value: object) -> str:
        if isinstance(value, int):  # numbers are aligned to the right; zeros only distract
            return (str(value) if value else "").rjust(len(heading))
        text = "" if value is None else str(value)
        return self._names.get(text, text)

    async def _rows(self, name: str, *arguments: Any) -> Sequence[Any]:
        folder = resources.files("pg_scheduler_cli.demo").joinpath("sql")
        sql = folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")
        rows: Sequence[Any] = await self._connection.fetch(sql, *arguments)
        return rows


def _judged(claim: str, held: bool, found: str | None) -> str:
    if held:
        return f"  {click.style('ok    ', fg='green')}  {claim}"
    return f"  {click.style('NOT ok', fg='red', bold=True)}  {claim} (found: {found})"


async def report(dsn: str, screen: Screen, killed_worker: str, worker_ids: Mapping[str, str]) -> bool:
    """`Findings.report` on a connection of its own, with workers shown by their names."""
    connection = await asyncpg.connect(dsn)
    try:
        return await Findings(connection, screen, worker_ids).report(killed_worker)
    finally:
        await connection.close()
