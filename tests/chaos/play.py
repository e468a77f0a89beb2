"""Plays one scenario with one library and returns what was found."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from pg_scheduler import Scheduler
from tests.chaos.crew import Crew
from tests.chaos.journal import read
from tests.chaos.judge import Findings, judge
from tests.chaos.options import Options
from tests.chaos.planning import PlannedJob, plan, produce
from tests.chaos.stage import Scenario, Stage, Watch
from tests.chaos.table import Table
from tests.chaos.worker import Launch

INVARIANTS: dict[str, Callable[[Findings], bool]] = {
    "jobs were lost": lambda found: found.lost == 0,
    "jobs were stranded": lambda found: found.stranded == 0,
    "more extra starts than attempts in flight": lambda found: found.extra <= found.in_flight,
    "extra starts without a fault": lambda found: found.unexplained == 0,
    "stale completions were accepted": lambda found: found.stale == 0,
}
"""What must hold, by what is said where it does not."""


@dataclass(frozen=True, slots=True)
class Report:
    """One line of the table."""

    scenario: str
    library: str
    seed: int
    findings: Findings
    problems: tuple[str, ...]
    """Empty if all invariants hold."""
    complaints: tuple[str, ...]
    """What the workers logged at level ERROR: no invariant, but worth a look."""


async def play(
    scenario: Scenario,
    options: Options,
    library: str,
    dsn: str,
    told: Callable[[int, int, int], None] = lambda finished, jobs, faults: None,
) -> Report:
    """Play on an empty database; every process and file of the scenario is gone afterwards."""
    jobs = options.jobs or scenario.jobs
    planned = plan(scenario.kinds, jobs, options.seconds, options.random_for("plan"))
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        async with _stage(options, library, dsn, Path(name)) as stage:
            await _perform(scenario, stage, library, dsn, planned, told)
            rows, lines = await stage.table.rows(), read(stage.journal)
            findings = judge([job.job_id for job in planned], rows, lines, stage.crew.faults)
            crew = stage.crew
            problems = tuple(_problems(scenario, findings, len(crew.deserted)))
            return Report(scenario.name, library, options.seed, findings, problems, tuple(crew.complaints()))


@asynccontextmanager
async def _stage(options: Options, library: str, dsn: str, folder: Path) -> AsyncIterator[Stage]:
    journal = folder / "journal"
    crew = Crew(Launch(dsn, library, str(journal), options.lease), folder)
    connection = await asyncpg.connect(dsn)
    try:
        yield Stage(options, crew, Table(connection), journal)
    finally:
        crew.disband()
        await connection.close()


async def _perform(
    scenario: Scenario,
    stage: Stage,
    library: str,
    dsn: str,
    planned: list[PlannedJob],
    told: Callable[[int, int, int], None],
) -> None:
    producer = Scheduler(dsn, library=library)
    await producer.initialize_db()
    stage.crew.hire(stage.options.workers)
    producing = asyncio.create_task(produce(producer, planned))
    damaging = asyncio.create_task(_damage(scenario, stage))
    watching = asyncio.create_task(Watch(stage, len(planned), told).until_finished())
    try:
        # Damage and production end early only by an error, which must not look like silence.
        while not watching.done():
            running = {task for task in (producing, damaging, watching) if not task.done()}
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                if task.done():
                    task.result()
    finally:
        for task in (producing, damaging, watching):
            task.cancel()
        await asyncio.gather(producing, damaging, watching, return_exceptions=True)
        await producer.shutdown()
    await stage.crew.dismiss()


async def _damage(scenario: Scenario, stage: Stage) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(stage.options.damage_seconds):
            await scenario.damage(stage)


def _problems(scenario: Scenario, findings: Findings, deserted: int) -> list[str]:
    problems = [text for text, holds in INVARIANTS.items() if not holds(findings)]
    problems += [f"nothing proved: no {name}" for name in scenario.must_show if not getattr(findings, name)]
    if deserted:
        problems.append(f"{deserted} workers ended by themselves")
    return problems
