"""Rows of nonsense come in while jobs run: each harms itself alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from pg_scheduler import Scheduler
from tests.chaos.planning import Kind
from tests.chaos.scenarios.clocks import judge_windows
from tests.chaos.stage import Scenario, Stage
from tests.chaos.worker import SCHEDULE

TASK = "tests.chaos.tasks:work"
BAD = "bad-"
"""What the ids of bad jobs, and the keys of bad schedules, begin with."""
PATIENCE = 15.0
"""Seconds after the last good job in which the last bad one must have ended."""

NONSENSE: dict[str, Sequence[str]] = {
    "timeout_seconds": ("'NaN'", "-1", "'Infinity'", "1e300"),
    "backoff": ("'{}'", "'[1]'", "'\"soon\"'", '\'{"base": "soon"}\''),
    "execution_time": ("'0044-03-15 BC'", "'-infinity'"),
    "task_data": (
        "'[]'", "'null'", "NULL", "'\"x\"'", '\'{"args": 3, "kwargs": {}}\'',
        '\'{"args": [0], "kwargs": []}\'',
        '\'{"args": ["nonsense"], "kwargs": {}}\'', '\'{"args": [1e400], "kwargs": {"$type": 1}}\'',
    ),
    "max_retries": ("-1", "2147483647"),
    "retry_count": ("-5",),
    "attempt_count": ("-5", "2147483000"),
    "crash_count": ("-5", "2147483000"),
    "misfire_grace_time": ("-1",),
    "priority": ("-2147483648", "2147483647"),
    "created_at": ("'0044-03-15 BC'", "'infinity'", "'20000-01-01'"),
    "epoch": ("-1",),
    "status": ("'nonsense'", "'running'"),
    "progress_done": ("'NaN'",),
    "job_name": ("''",),
}  # fmt: skip
"""By column, as SQL."""
UNREADABLE = (
    "{}",
    '{"every": "soon"}',
    '{"cron": "61 * * * *"}',
    '{"cron": "0 8 * * *", "timezone": "Mars/Base"}',
)
"""Specs of schedules."""

_NO_CHECKS = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
    FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""
"""What keeps nonsense out came later than some rows."""
_BAD_SCHEDULE = """
    INSERT INTO scheduled_job_schedules
    SELECT bad.* FROM scheduled_job_schedules AS schedule, jsonb_populate_record(
        schedule, jsonb_build_object('schedule_key', $2::text, 'spec', $3::jsonb, 'origin', 'api')
    ) AS bad
    WHERE schedule.schedule_key = $1
"""
_BAD_LEFT = (
    "SELECT string_agg(job_id || ' ' || status, ', ') FROM scheduled_jobs WHERE job_id LIKE 'bad-%'"
    " AND (status IN ('pending', 'running') AND job_name <> '' AND execution_time < now())"
)


async def _without_checks(stage: Stage) -> None:
    connection = await asyncpg.connect(stage.dsn)
    try:
        for row in await connection.fetch(_NO_CHECKS):
            await connection.execute(row[0])
    finally:
        await connection.close()


async def insert_nonsense(stage: Stage) -> None:
    """Store bad rows by chance, until each has been stored, and the innocent beside them go on."""
    rng = stage.options.random_for("nonsense")
    bad = [(column, value) for column, values in NONSENSE.items() for value in values]
    rng.shuffle(bad)
    pause = (stage.options.seconds or 0) / (len(bad) + len(UNREADABLE))
    connection = await asyncpg.connect(stage.dsn)
    try:
        for number, (column, value) in enumerate(bad):
            await connection.execute(_insertion(f"{BAD}{number}-{column}", column, value))
            stage.jumps += 1
            await asyncio.sleep(pause)
        while not await stage.table.value("SELECT run_count FROM scheduled_job_schedules LIMIT 1"):
            await asyncio.sleep(0.1)
        for number, spec in enumerate(UNREADABLE):
            await connection.execute(_BAD_SCHEDULE, SCHEDULE, f"{BAD}{number}", spec)
            stage.jumps += 1
            await asyncio.sleep(pause)
    finally:
        await connection.close()


def _insertion(job_id: str, column: str, value: str) -> str:
    values = {
        "job_id": f"'{job_id}'",
        "job_name": f"'{TASK}'",
        "execution_time": "now()",
        "task_data": '\'{"args": [0], "kwargs": {}}\'',
        column: value,
    }
    return f"INSERT INTO scheduled_jobs ({', '.join(values)}) VALUES ({', '.join(values.values())})"


async def _judge(stage: Stage) -> None:
    left = None
    for _ in range(round(PATIENCE / 0.2)):
        left = await stage.table.value(_BAD_LEFT)
        if left is None:
            break
        await asyncio.sleep(0.2)
    if left is not None:
        stage.problems.append(f"bad rows wait or run for ever: {left}")
    await _judge_lists(stage)
    await judge_windows(stage)


async def _judge_lists(stage: Stage) -> None:
    """Whoever lists everything sees the bad ones among the others."""
    scheduler = Scheduler(stage.dsn, library=stage.library)
    try:
        jobs = {job.job_id for job in await scheduler.jobs(limit=100_000)}
        schedules = {info.key for info in await scheduler.list_schedules()}
    except Exception as error:
        stage.problems.append(f"bad rows keep others from being listed: {error!r}")
    else:
        if not any(job_id.startswith(BAD) for job_id in jobs) or not {f"{BAD}0", SCHEDULE} <= schedules:
            stage.problems.append("bad rows are not listed")
    finally:
        await scheduler.shutdown()


BAD_ROWS = Scenario(
    name="bad rows",
    summary="rows of nonsense come in: each ends by itself or is left alone, all others run once",
    jobs=1_000,
    kinds=(Kind(0.9, (1, 50)), Kind(0.1, (500, 1500), until=0.8)),
    damage=insert_nonsense,
    damage_to_its_end=True,
    seconds=8,
    launch={"every": 1.0, "max_crashes": 5},
    tables_made=_without_checks,
    afterwards=_judge,
)
