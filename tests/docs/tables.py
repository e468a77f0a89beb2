"""The Markdown tables of the documentation: what a page lists, to be compared with what there is."""

from __future__ import annotations

import re
from functools import cache

from tests.docs.pages import ROOT

_CODE = re.compile(r"`([^`]+)`")


@cache
def table(page: str, *headings: str) -> tuple[tuple[str, ...], ...]:
    """The cells of all tables of a page that have these headings, row by row.

    Raises:
        AssertionError: the page has no such table.
    """
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    begins = [number for number, line in enumerate(lines) if _cells(line) == headings]
    assert begins, f"{page} has no table {headings}"
    return tuple(row for begin in begins for row in _rows(lines[begin + 2 :]))


def _rows(lines: list[str]) -> list[tuple[str, ...]]:
    end = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [_cells(line) for line in lines[:end]]


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|"))


def names(cell: str) -> list[str]:
    """What stands in backquotes, in its order."""
    return _CODE.findall(cell)


def listed(page: str, *headings: str) -> list[str]:
    """What stands in backquotes in the first column."""
    return [name for row in table(page, *headings) for name in names(row[0])]
