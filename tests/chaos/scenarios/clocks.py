"""Clocks that are wrong: the workers', and the database's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.act import Act, Ground
from tests.chaos.false_time import FalseTime, NoFalseTime
from tests.chaos.outcome import Outcome
from tests.chaos.planning import Kind
from tests.chaos.play import play
from tests.chaos.scenarios.kills import kill_one_every_second
from tests.chaos.stage import Scenario, Stage
from tests.chaos.tasks import narrow, paced
from tests.chaos.worker import SCHEDULE
from tests.support.databases import new_database

MINUTES, HOUR = 600.0, 3600.0
_WINDOW_KNOWN = "SELECT count(next_window) FROM scheduled_job_schedules WHERE schedule_key = $1"
SHORT = (
    Kind(0.85, (1, 5)),
    Kind(0.1, (500, 1000)),
    # Limits go by the database's clock, too.
    Kind(0.03, (1, 5), func=paced, until=0.7),
    Kind(0.02, (20, 50), func=narrow, until=0.7),
)


async def judge_windows(stage: Stage) -> None:
    """Count what became of the schedule that the workers have; once its last jobs have ended."""
    every = stage.crew.launch.every  # type: ignore[attr-defined]
    windows = await stage.table.windows(SCHEDULE)
    stage.missed = windows.missed(timedelta(seconds=every)) + windows.skipped
    stage.doubled = windows.doubled
    if not windows.stored:
        stage.problems.append("nothing proved: no windows")


def _three_clocks(stage: Stage) -> None:
    clocks = []
    for number, seconds in enumerate((MINUTES, -MINUTES, 0.0)):
        folder = stage.folder / f"clock-{number}"
        folder.mkdir()
        clocks.append(FalseTime(folder))
        clocks[-1].set(seconds)
    stage.clocks = clocks

    def environment_of(number: int) -> Mapping[str, str]:
        return clocks[number % 3].environment

    stage.crew.environment_of = environment_of


async def _jump_and_kill(stage: Stage) -> None:
    """Move the third clock by chance, and kill, until cancelled."""
    rng = stage.options.random_for("jumps")

    async def jump() -> None:
        while True:
            await asyncio.sleep(0.3)
            stage.clocks[2].set(rng.uniform(-HOUR, HOUR))

    async with asyncio.TaskGroup() as group:
        group.create_task(jump())
        group.create_task(kill_one_every_second(stage))


FALSE_WORKERS = Scenario(
    name="worker clocks",
    summary="workers' clocks are ten minutes fast, ten minutes slow, and jumping by up to an hour; kills",
    jobs=3_000,
    kinds=SHORT,
    damage=_jump_and_kill,
    must_show=("in_flight",),
    seconds=10,
    launch={"every": 1.0},
    prepare=_three_clocks,
    afterwards=judge_windows,
)


def _jumping(clock: FalseTime) -> Scenario:
    async def jump_and_kill(stage: Stage) -> None:
        rng = stage.options.random_for("jumps")

        async def jump() -> None:
            # The last one stays: a lease given by a clock that was ahead is over when the clock is there
            # again, so before that the jobs of workers that died meanwhile are not taken back.
            while not await stage.table.value(_WINDOW_KNOWN, SCHEDULE):
                await asyncio.sleep(0.05)
            for seconds in (HOUR, 0.0, -HOUR, HOUR / 2, 0.0, HOUR + 10):
                await asyncio.sleep(rng.uniform(1.0, 2.0))
                clock.set(seconds)
                stage.jumps += 1
            killing.cancel()

        async with asyncio.TaskGroup() as group:
            killing = group.create_task(kill_one_every_second(stage))
            group.create_task(jump())

    return Scenario(
        name="database clock",
        summary="",
        jobs=3_000,
        kinds=SHORT,
        damage=jump_and_kill,
        damage_to_its_end=True,
        must_show=("in_flight",),
        seconds=10,
        launch={"every": 60.0},
        # A lease is over when the database's clock says so: who jumps it by an hour ends all leases.
        leases_lapse=True,
        times_agree=False,
        recovery_within=None,
        afterwards=judge_windows,
    )


async def _play_database_clock(ground: Ground) -> Outcome:
    try:
        clock = FalseTime(ground.folder)
    except NoFalseTime as reason:
        return replace(ground.outcome("database clock"), note=f"NOT PLAYED: {reason}")
    with clock.for_children():
        server = EmbeddedServer(settings={"fsync": "off"})
        await asyncio.to_thread(server.start)
    try:
        dsn = await new_database(server)
        return await play(_jumping(clock), ground.options, ground.library, dsn)
    finally:
        await asyncio.to_thread(server.stop)


DATABASE_CLOCK = Act(
    "database clock",
    "the server's clock jumps an hour ahead, back, an hour behind, and back, under kills",
    _play_database_clock,
)
