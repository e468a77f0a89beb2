"""The database's clock is set back: what it wrote down until then lies in the future."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from pg_scheduler import JobSpec, Scheduler
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.act import Act, Ground
from tests.chaos.false_time import FalseTime, NoFalseTime
from tests.chaos.outcome import Outcome
from tests.chaos.planning import Kind
from tests.chaos.play import play
from tests.chaos.stage import Scenario, Stage
from tests.chaos.tasks import TASKS, paced, quiet, tick
from tests.support.databases import new_database

HOUR = 3600.0
RESPONSIVE = 8.0
"""Seconds within which each thing must go on. What waits for the clock waits for an hour."""
AGAIN, PACED = "again", 10
"""The id of a job, and the key of a schedule, that are stored again after each step; and so many jobs of a
limited rate."""

_PACED_LEFT = "SELECT count(*) FROM scheduled_jobs WHERE job_id LIKE 'paced-%' AND status <> 'completed'"
_WINDOWS = "SELECT count(*) FROM scheduled_jobs WHERE schedule_key = $1 AND status = 'completed'"
_EPOCH = "SELECT epoch FROM scheduled_jobs WHERE job_id = $1 AND status = 'completed'"


class Steps:
    """What is asked of the system after each step of the clock."""

    def __init__(self, stage: Stage, scheduler: Scheduler, sql: asyncpg.Connection) -> None:
        self._stage, self._scheduler, self._sql = stage, scheduler, sql
        self._epochs: list[int] = []

    async def take(self, name: str) -> None:
        """A rate, a schedule and an id that was deleted go on from here."""
        long_due = datetime.now(UTC) - timedelta(hours=3)
        await self._scheduler.schedule_bulk(
            [
                JobSpec(paced, long_due, args=(1,), job_id=f"paced-{name}-{number}", misfire_grace_time=None)
                for number in range(PACED)
            ]
        )
        windows = await self._value(_WINDOWS, AGAIN) or 0
        await self._scheduler.add_schedule(tick, key=AGAIN, every=timedelta(seconds=1), overlap="allow")
        await self._sql.execute("DELETE FROM scheduled_jobs WHERE job_id = $1", AGAIN)
        await self._scheduler.schedule(quiet, execution_time=long_due, job_id=AGAIN, misfire_grace_time=None)
        waits: dict[str, Callable[[], Awaitable[bool]]] = {
            "a limited rate stood still": lambda: self._is(_PACED_LEFT, lambda left: left == 0),
            "a schedule that was added again did not go on": lambda: self._is(
                _WINDOWS, lambda number: (number or 0) > windows, AGAIN
            ),
            "a job was not run": lambda: self._is(_EPOCH, lambda epoch: epoch is not None, AGAIN),
        }
        deadline = time.monotonic() + RESPONSIVE
        for text, holds in waits.items():
            while not await holds():
                if time.monotonic() > deadline:
                    self._stage.problems.append(f"{text}, the clock being {name}")
                    break
                await asyncio.sleep(0.05)
        self._epochs.append(await self._value(_EPOCH, AGAIN) or 0)

    def judge(self) -> None:
        """No epoch has been given twice."""
        if len(set(self._epochs)) < len(self._epochs):
            self._stage.problems.append(f"an id was given an epoch again: {self._epochs}")

    async def _is(self, query: str, wanted: Callable[[int | None], bool], *arguments: object) -> bool:
        return wanted(await self._value(query, *arguments))

    async def _value(self, query: str, *arguments: object) -> int | None:
        value: int | None = await self._sql.fetchval(query, *arguments)
        return value


def _set_back(clock: FalseTime) -> Scenario:
    async def damage(stage: Stage) -> None:
        scheduler, sql = Scheduler(stage.dsn, library=stage.library), await asyncpg.connect(stage.dsn)
        for function, executor in TASKS.values():
            scheduler.register(function, executor=executor)
        steps = Steps(stage, scheduler, sql)
        try:
            for hours in (2.0, 1.0, 0.5, 0.0):
                clock.set(hours * HOUR)
                stage.jumps += 1
                await steps.take(f"{hours:g} hours ahead")
        finally:
            await scheduler.shutdown()
            await sql.close()
        steps.judge()

    async def ahead(stage: Stage) -> None:
        clock.set(2 * HOUR)

    return Scenario(
        name=SET_BACK.name,
        summary="",
        jobs=400,
        # Longer than a lease: renewed over each step, or lost.
        kinds=(Kind(0.9, (1, 50)), Kind(0.1, (2500, 3500), until=0.7)),
        damage=damage,
        damage_to_its_end=True,
        seconds=8,
        times_agree=False,
        recovery_within=None,
        tables_made=ahead,
    )


async def _play(ground: Ground) -> Outcome:
    try:
        clock = FalseTime(ground.folder)
    except NoFalseTime as reason:
        return replace(ground.outcome(SET_BACK.name), note=f"NOT PLAYED: {reason}")
    with clock.for_children():
        server = EmbeddedServer(settings={"fsync": "off"})
        await asyncio.to_thread(server.start)
    try:
        dsn = await new_database(server)
        return await play(_set_back(clock), ground.options, ground.library, dsn)
    finally:
        await asyncio.to_thread(server.stop)


SET_BACK = Act(
    "clock set back",
    "the server's clock is set back, again and again: rates, schedules and leases go on, no epoch returns",
    _play,
)
