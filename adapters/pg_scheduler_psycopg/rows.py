"""Result rows that are read by column name, or all at once by position."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import AsyncCursor, Cursor


class NamedRow:
    """A row that shares its columns' names with the others of its result: a dict for each would take longer
    to make than most rows take to read."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: Sequence[Any]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, column: str) -> Any:
        return self._values[self._places[column]]

    def values(self) -> Sequence[Any]:
        """The values in the order of the columns."""
        return self._values


def named_row(cursor: Cursor[Any] | AsyncCursor[Any]) -> Callable[[Sequence[Any]], NamedRow]:
    """A row factory of psycopg's."""
    places = {column.name: place for place, column in enumerate(cursor.description or ())}
    return lambda values: NamedRow(places, values)
