"""Tables as text, and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence

from benchmarks import loop
from benchmarks.frame import Cell, Table


def as_text(table: Table) -> str:
    """The table in columns, text to the left and numbers to the right."""
    texts = [[shown(cell) for cell in row] for row in table.rows]
    widths = [max(len(text) for text in column) for column in zip(table.columns, *texts, strict=True)]
    left = [
        all(isinstance(row[position], str) for row in table.rows) for position in range(len(table.columns))
    ]
    lines = [
        "  ".join(
            text.ljust(width) if to_left else text.rjust(width)
            for text, width, to_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in (table.columns, *texts)
    ]
    return "\n".join([table.title, "-" * len(table.title), *lines])


def shown(cell: Cell) -> str:
    """One cell."""
    if cell is None:
        return "-"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def machine(server_version: int) -> dict[str, Cell]:
    """What one must know of the machine to compare figures; taken before anything is measured."""
    return {
        "processors": os.cpu_count(),
        "load average": os.getloadavg()[0],
        "python": platform.python_version(),
        "event loop": loop.NAME,
        "postgresql": server_version,
        "system": platform.platform(),
    }


def as_json(tables: Mapping[str, Sequence[Table]], on: Mapping[str, Cell], scale: float) -> str:
    """All tables by part."""
    parts = {
        part: [
            {
                "title": table.title,
                "rows": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
            }
            for table in found
        ]
        for part, found in tables.items()
    }
    return json.dumps({"machine": on, "scale": scale, "parts": parts}, indent=2) + "\n"
