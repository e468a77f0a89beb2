"""Whether kept rows of finished jobs slow down new ones."""

from __future__ import annotations

from functools import partial

from benchmarks.drains import drained
from benchmarks.frame import Bench, Database, Part, Table
from benchmarks.loads import load_due, load_finished
from benchmarks.parts.beside import compared

JOBS = 40_000
FINISHED, FULL_FINISHED = 100_000, 1_000_000


async def _after_history(finished: int, bench: Bench, database: Database, jobs: int) -> None:
    await load_finished(bench, database, finished)
    await load_due(bench, database, jobs)


async def measure(bench: Bench) -> list[Table]:
    """With and without a history."""
    finished = bench.size(FULL_FINISHED if bench.full else FINISHED)
    prepare = partial(_after_history, finished)
    return await compared(
        "history", bench, bench.size(JOBS), {f"{finished} finished rows": partial(drained, prepare=prepare)}
    )


HISTORY = Part(
    name="history",
    summary="drain beside 100,000 finished rows that are kept (a million with --full)",
    reading="""
The finished rows are completed jobs of the same task, kept by the default retention. Of without: the median
of the rounds' ratios to the same drain of a table that begins empty, measured in turns.
""".strip(),
    measure=measure,
)
