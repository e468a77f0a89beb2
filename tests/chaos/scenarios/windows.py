"""Schedules under fire, as lines of the one table. `tests.chaos.windows` plays them at length."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.act import Act, Ground
from tests.chaos.false_time import NoFalseTime
from tests.chaos.outcome import Outcome
from tests.chaos.windows.downtime import play_downtime
from tests.chaos.windows.findings import Findings
from tests.chaos.windows.lagging import play_lagging
from tests.chaos.windows.play import play_pinned, play_real


def _outcome(ground: Ground, name: str, found: Findings) -> Outcome:
    checks = {
        "windows were missed or doubled": not found.missed and not found.doubled,
        f"{found.unrun} windows did not run": not found.unrun,
        f"{found.unasked} windows ran that were not due": not found.unasked,
        f"{found.deserted} workers ended by themselves": not found.deserted,
        "nothing proved: no windows": found.enqueued == found.wanted > 0,
    }
    return replace(
        ground.outcome(name),
        faults=found.kills + found.restarts,
        jobs=found.wanted,
        stranded=found.unrun,
        missed=found.missed,
        doubled=found.doubled,
        problems=tuple(text for text, holds in checks.items() if not holds),
    )


async def _play_raced(ground: Ground) -> Outcome:
    scale = ground.options.scale
    found = await play_pinned(
        ground.server, ground.library, ground.dsn, ground.options.seed,
        windows=max(round(300 * scale), 60), seconds=max(15 * scale, 4),
    )  # fmt: skip
    return _outcome(ground, RACED.name, found)


async def _play_real(ground: Ground) -> Outcome:
    seconds = max(12 * ground.options.scale, 5)
    found = await play_real(ground.library, ground.dsn, ground.options.seed, seconds=seconds, every=1)
    return _outcome(ground, REAL.name, found)


async def _play_lagging(ground: Ground) -> Outcome:
    seconds = max(8 * ground.options.scale, 4)
    found, refused = await play_lagging(ground.library, ground.dsn, ground.options.seed, seconds=seconds)
    outcome = _outcome(ground, LAGGING.name, found)
    missing = () if refused else ("nothing proved: no late offer was refused",)
    return replace(
        outcome, faults=refused, note=f"{refused} late offers refused", problems=outcome.problems + missing
    )


async def _play_downtime(ground: Ground) -> Outcome:
    empty = ground.outcome(DOWNTIME.name)
    try:
        found = await play_downtime(ground.library, ground.folder)
    except NoFalseTime as reason:
        return replace(empty, note=f"NOT PLAYED: {reason}")
    problems = list(found.wrong)
    if found.missed or found.doubled:
        problems.append("windows were missed or doubled")
    if found.incomplete:
        problems.append("jobs were stranded")
    return replace(
        empty,
        faults=4,
        jobs=found.jobs,
        stranded=found.incomplete,
        extra=found.recovered,
        bound=found.recovered,
        missed=found.missed,
        doubled=found.doubled,
        problems=tuple(problems),
    )


RACED = Act(
    "windows raced", "eight processes race for windows, under kills and a crash of the server", _play_raced
)
REAL = Act("windows, real", "windows of real time under kills", _play_real)
LAGGING = Act("lagging process", "processes offer windows that others have long decided about", _play_lagging)
DOWNTIME = Act("24 h downtime", "everything is killed and comes back a day later", _play_downtime)
