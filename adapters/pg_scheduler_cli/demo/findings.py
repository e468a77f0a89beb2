"""What the table says afterwards, and whether it is what was to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from pg_scheduler_cli.demo.producer import NEWSLETTERS, REMINDERS

UNFINISHED = "SELECT count(*) FROM scheduled_jobs WHERE status IN ('pending', 'running')"

PER_TASK = """
SELECT job_name AS task, status, count(*) AS jobs, sum(retry_count) AS retries, sum(crash_count) AS crashes
FROM scheduled_jobs
GROUP BY job_name, status
ORDER BY job_name, status
"""

HISTORY = """
SELECT job.job_name AS task, history.attempt, history.outcome, history.worker_id, history.error_message
FROM scheduled_job_attempts AS history
JOIN scheduled_jobs AS job USING (job_id)
ORDER BY history.finished_at
"""

LATENESS = """
SELECT
    percentile_disc(0.5) WITHIN GROUP (ORDER BY started_at - execution_time) AS p50,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY started_at - execution_time) AS p99
FROM scheduled_jobs
WHERE job_name = 'send_reminder'
"""


@dataclass(frozen=True)
class Expectation:
    """A question in SQL and the answer it must have."""

    says: str
    question: str
    answer: Any


def _count(condition: str) -> str:
    return f"SELECT count(*) FROM scheduled_jobs WHERE {condition}"


EXPECTATIONS = (
    Expectation("no job was lost or left running", UNFINISHED, 0),
    Expectation(
        f"all {NEWSLETTERS} newsletters went out",
        _count("job_name = 'newsletter' AND status = 'completed' AND attempt_count = 1"),
        NEWSLETTERS,
    ),
    Expectation(
        f"all {REMINDERS} reminders were sent",
        _count("job_name = 'send_reminder' AND status = 'completed'"),
        REMINDERS,
    ),
    Expectation(
        "the flaky job failed twice and then completed",
        _count("job_name = 'flaky' AND status = 'completed' AND retry_count = 2"),
        1,
    ),
    Expectation(
        "the hopeless job failed for good, with its reason",
        _count("job_name = 'hopeless' AND status = 'failed' AND error_message LIKE 'ValueError%'"),
        1,
    ),
    Expectation("the long export was cancelled", _count("job_id = 'export' AND status = 'cancelled'"), 1),
    Expectation(
        "the killed worker's job was recovered and completed by another",
        "SELECT count(*) FROM scheduled_jobs JOIN scheduled_job_attempts AS lost USING (job_id)"
        " WHERE job_id = 'backup' AND status = 'completed' AND lost.outcome = 'lost'"
        " AND lost.worker_id <> scheduled_jobs.worker_id",
        1,
    ),
    Expectation(
        "priorities started in order",
        "SELECT array_agg(priority ORDER BY started_at, priority) FROM scheduled_jobs"
        " WHERE job_name = 'urgent_or_not'",
        [1, 3, 5, 8],
    ),
    Expectation("the rolled back order left no job", _count("job_name = 'order_paid'"), 1),
    Expectation(
        "9592 primes below 100000 were counted in a process",
        "SELECT result::text FROM scheduled_jobs WHERE job_name = 'count_primes'",
        "9592",
    ),
)


async def report(dsn: str) -> bool:
    """Print what the table holds; whether every expectation held."""
    connection = await asyncpg.connect(dsn)
    try:
        print("\nRead back from the table:")
        for row in await connection.fetch(PER_TASK):
            retries = f", {row['retries']} retries" if row["retries"] else ""
            crashes = f", {row['crashes']} lost to a killed worker" if row["crashes"] else ""
            print(f"  {row['task']:<16} {row['jobs']:>4} {row['status']}{retries}{crashes}")
        print("Attempts that did not simply complete their job:")
        for row in await connection.fetch(HISTORY):
            reason = (row["error_message"] or "").splitlines()[:1]
            print(f"  {row['task']:<16} attempt {row['attempt']}: {row['outcome']} {' '.join(reason)}")
        late = await connection.fetchrow(LATENESS)
        p50, p99 = (value.total_seconds() * 1000 for value in late)
        print(f"Reminders started late by: p50 {p50:.1f} ms, p99 {p99:.1f} ms (all of this on one machine)")
        print("Expected:")
        held = [await _holds(connection, expectation) for expectation in EXPECTATIONS]
    finally:
        await connection.close()
    return all(held)


async def _holds(connection: Any, expectation: Expectation) -> bool:
    answer = await connection.fetchval(expectation.question)
    held = bool(answer == expectation.answer)
    print(f"  {'ok    ' if held else 'NOT ok'} {expectation.says}" + ("" if held else f" (found {answer})"))
    return held
