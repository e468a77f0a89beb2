"""Release after release calls the task of a schedule, its module or its key by another name."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.chaos.journal import Entry, read
from tests.chaos.planning import Kind
from tests.chaos.releases import EVERY, RELEASES
from tests.chaos.stage import Scenario, Stage
from tests.chaos.worker import Launch

STEP = 0.8
"""Seconds between the replacements of two workers."""
DOWN = 2.0
"""Seconds in which no worker at all is there, before the last release."""
SHORT = 0.2
"""A run of less than so much of the usual length has the first and the last of the releases only."""
CAUGHT_UP = 30.0
"""Seconds that the last release gets to make up for what was missed."""

_WINDOWS = "SELECT job_id, schedule_window FROM scheduled_jobs WHERE schedule_window IS NOT NULL"
_LATE = (
    "SELECT coalesce(max(schedule_window), '-infinity') < clock_timestamp() - interval '2 s'"
    " FROM scheduled_jobs WHERE schedule_window IS NOT NULL AND job_name = $1 AND status = 'completed'"
)
_SKIPPED = "SELECT coalesce(sum(skipped_count), 0)::bigint FROM scheduled_job_schedules"


async def deploy_again_and_again(stage: Stage) -> None:
    """Replace the workers one by one by those of the next release, one of each by force. The last release
    comes when nobody is there any more."""
    await _runs(stage, "first")
    *rolling, last = list(RELEASES)[1:]
    for release in rolling if stage.options.scale > SHORT else rolling[:1]:
        _next(stage, release)
        for number, member in enumerate(list(stage.crew.members)):
            if number == 1:
                stage.crew.kill(member)
            else:
                stage.crew.terminate(member)
                await stage.crew.gone()
            await asyncio.sleep(STEP)
        await _runs(stage, release)
    await _everybody_leaves(stage)
    await asyncio.sleep(DOWN)
    _next(stage, last)
    stage.crew.hire(stage.options.workers)
    await _runs(stage, last)


def _next(stage: Stage, release: str) -> None:
    assert isinstance(stage.crew.launch, Launch)
    stage.crew.launch = replace(stage.crew.launch, release=release)


async def _runs(stage: Stage, release: str) -> None:
    """Wait until windows of the present run under the name of this release."""
    for _ in range(round(CAUGHT_UP / 0.1)):
        if not await stage.table.value(_LATE, RELEASES[release].task):
            return
        await asyncio.sleep(0.1)
    stage.problems.append(f"the schedule does not run in the release {release!r}")


async def _everybody_leaves(stage: Stage) -> None:
    for member in stage.crew.members:
        member.terminate()
    stage.crew.leaving += stage.crew.members
    stage.crew.members.clear()
    await stage.crew.gone()


async def _judge(stage: Stage) -> None:
    rows = await stage.table.pairs(_WINDOWS)
    windows = Counter(window for _, window in rows)
    stage.doubled = len(rows) - len(windows)
    step = timedelta(seconds=EVERY)
    span = round((max(windows) - min(windows)) / step) + 1
    stage.missed = span - len(windows) + await stage.table.value(_SKIPPED)
    at_once = _at_once(stage, {job_id for job_id, _ in rows})
    if at_once:
        stage.problems.append(f"{at_once} runs began while another was under way")
    if max(windows) < datetime.now(UTC) - timedelta(seconds=CAUGHT_UP):
        stage.problems.append("the schedule has gone silent")


def _at_once(stage: Stage, jobs: set[str]) -> int:
    """Runs that began before the one before them had ended. One whose process was killed has ended."""
    killed = {fault.pid for fault in stage.crew.faults}
    under_way: dict[int, str] = {}
    overlapping = 0
    for line in read(stage.journal):
        if line.job_id not in jobs:
            continue
        if line.entry is Entry.START:
            others = {pid for pid, job in under_way.items() if job != line.job_id and pid not in killed}
            overlapping += bool(others)
            under_way[line.pid] = line.job_id
        elif line.entry in (Entry.END, Entry.STOP):
            under_way.pop(line.pid, None)
    return overlapping


RENAMES = Scenario(
    name="renames",
    summary="releases rename, move and respell a schedule: no window is lost, doubled or run by two",
    jobs=600,
    kinds=(Kind(1.0, (1, 50)),),
    damage=deploy_again_and_again,
    damage_to_its_end=True,
    seconds=8,
    launch={"release": "first"},
    afterwards=_judge,
)
