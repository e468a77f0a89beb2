"""Printing for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any

import click


def print_json(value: Any) -> None:
    """One JSON document; times in ISO 8601, durations in seconds."""
    click.echo(json.dumps(value, default=_plain, indent=2))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table with columns as wide as needed; without rows, only the headings."""
    for line in table_lines(headings, [[shown(cell) for cell in row] for row in rows]):
        click.echo(line)


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The headings and the rows in columns, as lines; a cell never begins a line of its own."""
    cells = [headings, *([cell.replace("\n", "\\n").replace("\t", "\\t") for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def print_facts(facts: Mapping[str, Any]) -> None:
    """One fact per line."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        click.echo(f"{name.ljust(width)}  {shown(value)}")


def shown(value: Any) -> str:
    """A value for people: times in UTC to the second, None as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    return str(value)


def at_least(number: int, exact: bool) -> str:
    """A number, or ``10,000+`` where counting ended."""
    return str(number) if exact else f"{number:,}+"
