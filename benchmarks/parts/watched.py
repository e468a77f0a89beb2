"""What it costs to be watched: the worker's own figures, metrics, and an observer of events."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from statistics import median

from benchmarks.drains import BEST, SMALL, drained
from benchmarks.frame import Bench, Cell, Part, Table
from benchmarks.parts.drain import COSTS, costs, rates
from benchmarks.rounds import interleaved, median_ratio

JOBS = 20_000
ROUNDS = 9
WATCHED = ("by nobody", "as usual", "by all")


async def measure(bench: Bench) -> list[Table]:
    """Each way in turns: pairs of a few seconds, so that what else the machine does meets both."""
    jobs, rounds = bench.size(JOBS), bench.repeats or (1 if bench.scale < 1 else ROUNDS)
    settings = (BEST,) if bench.smoke else (BEST, SMALL)
    measured = {
        (setting.name, watched): partial(drained, bench, jobs, replace(setting, watched=watched))
        for setting in settings
        for watched in WATCHED
    }
    results = await interleaved(rounds, measured)
    rows: list[tuple[Cell, ...]] = [
        (*key, round(median(rates(found))), median_ratio(rates(found), rates(results[key[0], WATCHED[0]])),
         *costs(found))
        for key, found in results.items()
    ]  # fmt: skip
    return [
        Table(
            f"watched, {jobs} no-op jobs drained by 1 process",
            ("settings", "watched", "jobs/s", "of by nobody", *COSTS),
            rows,
        )
    ]


WATCHED_PART = Part(
    name="watched",
    summary="drain with the figures by the minute, metrics and observers on, beside the same without",
    reading="""
By nobody: the worker does not even count what it does for the figures by the minute, which no user can turn
off. As usual: it does. By all: besides, Prometheus metrics and an observer of events. All have the observer
that keeps the benchmark's progress. Of by nobody: the median of the rounds' ratios, measured in turns.
""".strip(),
    measure=measure,
)
