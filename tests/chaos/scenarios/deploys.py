"""A new version of the program takes over worker by worker, with tasks and a schedule that are new."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.chaos.planning import Kind
from tests.chaos.stage import NEVER, Scenario, Stage
from tests.chaos.tasks import outlast_lease
from tests.chaos.worker import SCHEDULE, Launch

OLD = {"tasks": ("work", "tick"), "every": 1.0}
NEW = {"tasks": ("work", "outlast_lease", "tick"), "every": 2.0}
_WINDOWS = "SELECT count(*) FROM scheduled_jobs WHERE schedule_key = $1"
_EVERY = "SELECT (spec ->> 'every')::double precision FROM scheduled_job_schedules WHERE schedule_key = $1"
STEP = 1.0
"""Seconds between the replacements of two workers."""


async def deploy(stage: Stage) -> None:
    """Replace each old worker by a new one, in turn; then nothing more."""
    while await stage.table.value(_WINDOWS, SCHEDULE) < 3:
        await asyncio.sleep(0.1)
    launch = stage.crew.launch
    assert isinstance(launch, Launch)
    stage.crew.launch = replace(launch, **NEW)  # type: ignore[arg-type]
    for member in list(stage.crew.members):
        stage.crew.terminate(member)
        await stage.crew.gone()
        if stage.deployed is NEVER:
            # From then on old and new workers live side by side.
            while await stage.table.value(_EVERY, SCHEDULE) != NEW["every"]:
                await asyncio.sleep(0.02)
            stage.deployed = datetime.now(UTC)
        await asyncio.sleep(STEP)
    while await stage.table.value(_WINDOWS + " AND schedule_window > $2", SCHEDULE, stage.deployed) < 2:
        await asyncio.sleep(0.1)


async def _judge(stage: Stage) -> None:
    windows = await stage.table.windows(SCHEDULE)
    stage.doubled = windows.doubled
    stage.missed = windows.missed(timedelta(seconds=2)) + windows.skipped
    odd = [one for one in windows.stored if one.second % 2 and one > stage.deployed]
    if odd:
        stage.problems.append(f"{len(odd)} windows of the old schedule beside the new one")
    if not any(one.second % 2 for one in windows.stored):
        stage.problems.append("nothing proved: the old version's schedule made no windows")
    if not any(one > stage.deployed for one in windows.stored):
        stage.problems.append("nothing proved: the new version's schedule made no windows")


DEPLOYS = Scenario(
    name="rolling deploy",
    summary="workers are replaced by a version that knows more tasks and has another schedule",
    jobs=2_000,
    kinds=(Kind(0.7, (1, 300)), Kind(0.3, (1, 300), func=outlast_lease)),
    damage=deploy,
    damage_to_its_end=True,
    seconds=14,
    launch=OLD,
    afterwards=_judge,
)
