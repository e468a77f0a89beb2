"""Repetitions that share whatever the machine is doing: what is compared takes turns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


async def interleaved(
    rounds: int, measured: Mapping[Key, Callable[[], Awaitable[Result]]]
) -> dict[Key, list[Result]]:
    """Everything once, then everything again; the results of each, in order of the rounds."""
    results: dict[Key, list[Result]] = {key: [] for key in measured}
    for _ in range(rounds):
        for key, measure in measured.items():
            results[key].append(await measure())
    return results


def median_ratio(ours: Sequence[float], reference: Sequence[float]) -> float:
    """The median over the rounds of what was measured to what was measured beside it."""
    return median(one / other for one, other in zip(ours, reference, strict=True))
