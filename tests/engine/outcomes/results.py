"""Results that cannot be kept. Plain functions at the top level, so that any executor runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import MagicMock

from tests.engine.outcomes.failures import Disguised, Trap

MEGABYTES = 11 * 1024 * 1024


@dataclass
class Lazy:
    """Its field is computed, and that fails."""

    value: int

    def __getattribute__(self, name: str) -> Any:
        if name == "value":
            raise OSError("gone")
        return super().__getattribute__(name)


@dataclass
class Leaving:
    """Its field exits."""

    value: int

    def __getattribute__(self, name: str) -> Any:
        if name == "value":
            raise SystemExit(3)
        return super().__getattribute__(name)


def endless() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


RESULTS: dict[str, Callable[[], Any]] = {
    "an object": object,
    "a generator": lambda: (number for number in range(0)),
    "a list in itself": endless,
    "nested 65 deep": lambda: deep(65),
    "nested 100,000 deep": lambda: deep(100_000),
    "more than a million values": lambda: [0] * 1_000_001,
    "11 MB of text": lambda: "x" * MEGABYTES,
    "11 MB of bytes": lambda: bytes(MEGABYTES),
    "a NUL": lambda: "a\x00b",
    "a lone surrogate": lambda: {"key": ["\ud800"]},
    "a key that is a number": lambda: {5: 5},
    "not a number": lambda: float("nan"),
    "a number of 20,000 bits": lambda: 1 << 20_000,
    "a field that raises": lambda: Lazy(1),
    "a field that exits": lambda: Leaving(1),
    "no class": lambda: Disguised("x"),
    "a mock": MagicMock,
}


def give(name: str) -> Any:
    """Return the named result."""
    return RESULTS[name]()


async def give_async(name: str) -> Any:
    """The same from a coroutine."""
    return RESULTS[name]()


__all__ = ["RESULTS", "Trap", "give", "give_async"]
