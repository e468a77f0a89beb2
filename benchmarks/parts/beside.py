"""Drains beside something that should not slow them: the rate with it to the rate without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from statistics import median

from benchmarks.crew import Drained
from benchmarks.drains import BEST, SMALL, drained, reference_drained
from benchmarks.frame import Bench, Cell, Table
from benchmarks.parts.drain import rates
from benchmarks.rounds import interleaved, median_ratio

Drain = Callable[..., Awaitable[Drained]]
"""``drain(bench, jobs, setting)``."""

WITHOUT = "without"
LAST_FIFTH = ("last fifth, jobs/s", "its part of without")
COLUMNS = ("settings", "table", "jobs/s", "of without", *LAST_FIFTH, "of reference")


async def compared(title: str, bench: Bench, jobs: int, cases: Mapping[str, Drain]) -> list[Table]:
    """One row per settings and case; "without" and the reference loop take turns with them."""
    named = {WITHOUT: drained, **cases}
    measured: dict[tuple[str, str], Callable[[], Awaitable[Drained]]] = {
        (setting.name, name): partial(drain, bench, jobs, setting)
        for setting in ((BEST,) if bench.smoke else (BEST, SMALL))
        for name, drain in named.items()
    }
    measured["reference loop", WITHOUT] = partial(reference_drained, bench, jobs)
    results = await interleaved(bench.rounds, measured)
    rows = [_row(key, results) for key in measured]
    return [Table(f"{title}, {jobs} jobs drained by 1 process", COLUMNS, rows)]


def _row(key: tuple[str, str], results: Mapping[tuple[str, str], list[Drained]]) -> tuple[Cell, ...]:
    found, without = results[key], results[key[0], WITHOUT]
    last, last_without = ([one.last_fifth for one in some] for some in (found, without))
    return (
        *key,
        round(median(rates(found))),
        median_ratio(rates(found), rates(without)),
        round(median(last)),
        median_ratio(last, last_without),
        median_ratio(rates(found), rates(results["reference loop", WITHOUT])),
    )
