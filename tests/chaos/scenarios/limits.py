"""Limits under kills, as a line of the one table. `tests.chaos.limits` plays it at length."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.act import Act, Ground
from tests.chaos.limits.play import play
from tests.chaos.outcome import Outcome


async def _play(ground: Ground) -> Outcome:
    jobs = max(round(1_500 * ground.options.scale), 1_000)
    found = await play(ground.library, ground.dsn, ground.options.seed, jobs=jobs)
    return replace(
        ground.outcome(LIMITS.name),
        faults=found.kills,
        jobs=found.jobs,
        stranded=found.unfinished,
        extra=found.again,
        bound=found.again,
        recovery=found.back_after,
        note=f"at once {found.few_at_once}, of one key {found.keyed_at_once},"
        f" given away in a second {found.granted_in_a_second}",
        problems=found.problems,
    )


LIMITS = Act("limits", "workers of limited entrypoints are killed: no limit is ever broken", _play)
