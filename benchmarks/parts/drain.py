"""How fast a full queue is emptied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.crew import Drained
from benchmarks.drains import BEST, DEFAULTS, Setting, drained, reference_drained
from benchmarks.frame import Bench, Cell, Part, Table
from benchmarks.rounds import interleaved, median_ratio

JOBS = 50_000


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    setting: Setting | None
    """None for the reference."""
    processes: int
    immediate: bool = False

    @property
    def reference(self) -> Case:
        """The reference to set it beside."""
        return Case(None, self.processes, self.immediate)


def cases(bench: Bench) -> list[Case]:
    """All rows, each reference after the first that is set beside it."""
    numbers = (2,) if bench.smoke else (1, 2, 4)
    found: list[Case] = []
    for processes in numbers:
        found += [Case(BEST, processes), Case(None, processes), Case(DEFAULTS, processes)]
    return [*found, Case(BEST, 1, True), Case(None, 1, True), Case(DEFAULTS, 1, True)]


def _measured(bench: Bench, case: Case, jobs: int) -> Callable[[], Awaitable[Drained]]:
    if case.setting is None:
        return partial(reference_drained, bench, jobs, case.processes, case.immediate)
    return partial(drained, bench, jobs, case.setting, case.processes, case.immediate)


async def measure(bench: Bench) -> list[Table]:
    """Ours and the reference in turns, by settings, processes and retention."""
    jobs = bench.size(JOBS)
    results = await interleaved(bench.rounds, {case: _measured(bench, case, jobs) for case in cases(bench)})
    rows = [_row(case, found, results[case.reference]) for case, found in results.items()]
    columns = ("settings", "processes", "completed jobs are", "jobs/s", "of reference", *COSTS)
    return [Table(f"drain of {jobs} no-op jobs", columns, rows)]


COSTS = ("worker CPU us/job", "server CPU us/job", "cores busy")


def costs(found: list[Drained]) -> tuple[Cell, ...]:
    """What a job cost, in the median."""
    server = [one.server_cpu for one in found if one.server_cpu is not None]
    return (
        median(one.worker_cpu / one.jobs for one in found) * 1e6,
        median(server) / found[0].jobs * 1e6 if server else None,
        median((one.worker_cpu + (one.server_cpu or 0)) / one.seconds for one in found),
    )


def rates(found: list[Drained]) -> list[float]:
    """Jobs per second of each round."""
    return [one.rate for one in found]


def _row(case: Case, found: list[Drained], reference: list[Drained]) -> tuple[Cell, ...]:
    return (
        case.setting.name if case.setting else "reference loop",
        case.processes,
        "deleted" if case.immediate else "kept",
        round(median(rates(found))),
        median_ratio(rates(found), rates(reference)),
        *costs(found),
    )


DRAIN = Part(
    name="drain",
    summary="jobs per second by 1, 2 and 4 worker processes, at default and best settings, kept or deleted",
    reading="""
All jobs are due before the first worker starts. Jobs per second: from the first start of a job to the moment
when the last worker had the server's word that its last job is finished, on the workers' monotonic clock;
connecting is not in it. Of reference: the median of the rounds' ratios to a hand-written loop on a minimal
table (one statement finishes 500 jobs and claims the next, one asyncio task per job) with as many processes,
measured in turns with ours. CPU: processor time of all workers and of all the server's processes over the
drain, per job; cores busy is their sum over the elapsed time: near the machine's number of processors, more
processes cannot help. The default settings leave 25 jobs at once: they are for jobs that do something.
""".strip(),
    measure=measure,
)
