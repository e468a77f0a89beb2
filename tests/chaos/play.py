"""Plays one scenario of jobs under damage with one library and returns what was found."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import asyncpg

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from tests.chaos.crew import Crew, Fault
from tests.chaos.journal import read
from tests.chaos.judge import Findings, judge
from tests.chaos.leaks import Present, left_behind
from tests.chaos.options import Options
from tests.chaos.outcome import Outcome
from tests.chaos.planning import PlannedJob, plan, produce
from tests.chaos.stage import Scenario, Stage, Watch
from tests.chaos.table import Table
from tests.chaos.tasks import TASKS
from tests.chaos.worker import Launch

Told = Callable[[int, int, int], None]
"""Hears: jobs ended, of how many, faults so far."""

INVARIANTS: dict[str, Callable[[Findings], bool]] = {
    "jobs were lost": lambda found: found.lost == 0,
    "jobs were stranded": lambda found: found.stranded == 0,
    "stale completions were accepted": lambda found: found.stale == 0,
}
UNLESS_LEASES_LAPSE: dict[str, Callable[[Findings], bool]] = {
    "more extra starts than attempts in flight": lambda found: found.extra <= found.in_flight,
    "extra starts without a fault": lambda found: found.unexplained == 0,
}
IF_LEASES_LAPSE: dict[str, Callable[[Findings], bool]] = {
    "extra starts without a lost lease": lambda found: found.extra == found.lapsed,
}
"""What must hold, by what is said where it does not."""


async def play(
    scenario: Scenario,
    options: Options,
    library: Library,
    dsn: str,
    told: Told = lambda finished, jobs, faults: None,
) -> Outcome:
    """Play on an empty database; every process and file of the scenario is gone afterwards."""
    seconds = options.seconds_of(scenario.seconds)
    jobs = options.jobs or max(round(scenario.jobs * seconds / scenario.seconds), 1)
    planned = plan(scenario.kinds, jobs, seconds, options.random_for("plan"))
    options = replace(options, seconds=seconds, workers=scenario.workers or options.workers)
    began, before = time.monotonic(), Present.now()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        async with _stage(scenario, options, library, dsn, Path(name)) as stage:
            await _perform(scenario, stage, planned, told)
            outcome = await _judged(scenario, stage, planned)
    left = tuple(f"left behind: {what}" for what in await left_behind(dsn, before))
    return replace(outcome, seconds=time.monotonic() - began, problems=outcome.problems + left)


async def _judged(scenario: Scenario, stage: Stage, planned: Sequence[PlannedJob]) -> Outcome:
    rows, lines = await stage.table.rows(), read(stage.journal)
    faults: list[Fault] = sorted(
        [*stage.crew.faults, *scenario.faults_in(lines)], key=lambda fault: fault.began
    )
    lost = await stage.table.lost_leases()
    found = judge({job.job_id: job.ends for job in planned}, rows, lines, faults, lost, scenario.times_agree)
    stolen = await stage.table.stolen_leases(stage.options.lease) if scenario.times_agree else 0
    if stolen:
        stage.problems.append(f"{stolen} leases were taken back before their end")
    return Outcome(
        scenario=scenario.name,
        library=stage.library,
        seed=stage.options.seed,
        faults=len(faults) + stage.jumps,
        jobs=found.jobs,
        lost=found.lost,
        stranded=found.stranded,
        extra=found.extra,
        bound=found.lapsed if scenario.leases_lapse else found.in_flight,
        tried=found.refused + found.stale,
        refused=found.refused,
        late=found.late,
        missed=stage.missed,
        doubled=stage.doubled,
        recovery=found.recovery_max if scenario.times_agree else None,
        note=_note(found, scenario.times_agree),
        problems=(*stage.problems, *_problems(scenario, stage, found)),
        complaints=tuple(stage.crew.complaints()),
    )  # fmt: skip


def _note(found: Findings, times_agree: bool) -> str:
    note = f"{found.rate:.0f} jobs/s"
    if not times_agree:
        return note
    if found.recovery_p50 is not None:
        note += f", recovery p50 {found.recovery_p50:.2f} s, with nobody up {found.recovery_in_all:.2f} s"
    return note if found.queued_max is None else f"{note}, then queued for {found.queued_max:.2f} s"


def _problems(scenario: Scenario, stage: Stage, found: Findings) -> list[str]:
    explained = IF_LEASES_LAPSE if scenario.leases_lapse else UNLESS_LEASES_LAPSE
    problems = [text for text, holds in (INVARIANTS | explained).items() if not holds(found)]
    problems += [f"nothing proved: no {name}" for name in scenario.must_show if not getattr(found, name)]
    limit, longest = scenario.recovery_within, found.recovery_max or 0.0
    if limit is not None and longest > stage.options.lease + limit:
        problems.append(f"recovery took {longest:.2f} s")
    if stage.missed or stage.doubled:
        problems.append("windows were missed or doubled")
    if stage.crew.deserted and not scenario.deserters:
        problems.append(f"{len(stage.crew.deserted)} workers ended by themselves")
    return problems


@asynccontextmanager
async def _stage(
    scenario: Scenario, options: Options, library: Library, dsn: str, folder: Path
) -> AsyncIterator[Stage]:
    journal = folder / "journal"
    launch = Launch(dsn, library, str(journal), options.lease, **scenario.launch)
    crew = Crew(launch, folder, scenario.program)
    connection = await asyncpg.connect(dsn)
    try:
        stage = Stage(options, crew, Table(connection), folder, journal, dsn, library)
        scenario.prepare(stage)
        yield stage
    finally:
        crew.disband()
        await connection.close()


async def _perform(scenario: Scenario, stage: Stage, planned: list[PlannedJob], told: Told) -> None:
    producer = Scheduler(stage.dsn, library=stage.library)
    await producer.initialize_db()
    for function, executor in TASKS.values():
        producer.register(function, executor=executor)
    if scenario.tables_made is not None:
        await scenario.tables_made(stage)
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
        if scenario.damage_to_its_end:
            await asyncio.wait_for(damaging, 60)
            await Watch(stage, len(planned), told).until_finished()
    finally:
        for task in (producing, damaging, watching):
            task.cancel()
        await asyncio.gather(producing, damaging, watching, return_exceptions=True)
        await producer.shutdown()
    if scenario.afterwards is not None:
        await scenario.afterwards(stage)
    await stage.crew.dismiss()


async def _damage(scenario: Scenario, stage: Stage) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(stage.options.damage_seconds):
            await scenario.damage(stage)
