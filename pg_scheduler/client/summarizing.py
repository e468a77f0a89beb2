"""Asks a store what is going on."""

from __future__ import annotations

from datetime import datetime

from pg_scheduler.domain.minutes import MOST_DURATIONS
from pg_scheduler.domain.summary import LimitInUse, Summary, Workload, summary_of
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import Insight


async def summary(
    driver: Driver, insight: Insight, now: datetime | None, durations: int = MOST_DURATIONS
) -> Summary:
    """What waits and runs, what happened in the last hour, what limits leave room for."""
    load = await insight.workload(now=now)
    latest = await driver.minutes.latest(durations=durations, now=now)
    limits = [*await _of_tasks(driver, load), *await _of_queues(driver, load)]
    return summary_of(load, latest, limits, frozenset((one.scope, one.name) for one in limits if one.paused))


async def _of_tasks(driver: Driver, load: Workload) -> list[LimitInUse]:
    return [
        LimitInUse(
            "task",
            one.task_name,
            sum(number for (_, task), number in load.running.items() if task == one.task_name),
            one.limits.concurrency,
            one.limits.rate,
            one.paused,
        )
        for one in await driver.limits.list_limits()
    ]


async def _of_queues(driver: Driver, load: Workload) -> list[LimitInUse]:
    limits = {one.queue: one.limits for one in await driver.limits.queue_limits()}
    paused = {one.queue for one in await driver.limits.paused_queues()}
    return [
        LimitInUse(
            "queue",
            name,
            sum(number for (queue, _), number in load.running.items() if queue == name),
            limits[name].concurrency if name in limits else None,
            limits[name].rate if name in limits else None,
            name in paused,
        )
        for name in sorted(limits.keys() | paused)
    ]
