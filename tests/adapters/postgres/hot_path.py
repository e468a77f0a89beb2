"""A filled table, and the statements that run for every job or every few moments."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import asyncpg
import pytest

from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.domain.workers import NOTHING_NEW
from pg_scheduler_postgres.rules import CANCELLATION, MISFIRE, loss_of
from pg_scheduler_postgres.settling import arrays_of
from pg_scheduler_postgres.statements import Statements
from pg_scheduler_postgres.worker_rows import values_of_life

FULL = os.environ.get("PLANS_FULL") == "1"
PENDING, FUTURE, FINISHED = (100_000, 1_000_000, 1_000_000) if FULL else (5_000, 50_000, 50_000)
BATCH = 500
"""Rows per statement, the most that the engine asks for."""

FILL = """
INSERT INTO scheduled_jobs (job_id, job_name, execution_time, status, task_data, priority, finished_at, lane)
SELECT
    kind || lpad(n::text, 12, '0'), 'task ' || n % 7,
    now() + n * interval '1 second' * direction, state, '{"args": [1], "kwargs": {}}',
    (ARRAY[1, 3, 5, 8])[1 + n % 4],
    CASE WHEN state = 'completed' THEN now() - n * interval '10 milliseconds' END,
    CASE WHEN n % 20 = 0 THEN 'tenant ' || n % 50 END
FROM (
    VALUES
        ('p', 'pending', -1, $1::integer),
        ('f', 'pending', 1, $2::integer),
        ('d', 'completed', -1, $3::integer)
) AS kinds (kind, state, direction, rows)
CROSS JOIN generate_series(1, rows) AS n
"""
HISTORY = """
INSERT INTO scheduled_job_attempts (job_id, epoch, attempt, finished_at, outcome)
SELECT job_id, 1, 1, now(), 'retry' FROM scheduled_jobs WHERE status = 'completed' AND job_id LIKE '%7'
"""
RUNNING = """
UPDATE scheduled_jobs
SET status = 'running', epoch = 1, worker_id = 'me', lease_until = now() + interval '1 minute'
WHERE job_id IN (SELECT job_id FROM scheduled_jobs WHERE status = 'pending' ORDER BY job_id DESC LIMIT 1000)
"""


async def fill(connection: asyncpg.Connection) -> None:
    """Jobs that are due, jobs of the future, finished ones, running ones; and their statistics."""
    await connection.execute("SET synchronous_commit = off")
    await connection.execute(FILL, PENDING, FUTURE, FINISHED, timeout=300)
    await connection.execute(HISTORY, timeout=60)
    await connection.execute(RUNNING, timeout=60)
    await connection.execute(
        "INSERT INTO scheduled_job_limits (task_name, concurrency, changed_at) VALUES ('task 0', 3, now())"
    )
    await connection.execute("VACUUM ANALYZE", timeout=300)


@dataclass(frozen=True)
class Case:
    """A statement and what it is asked."""

    name: str
    values: dict[str, Any]
    said: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.said}".strip()


def cases() -> Iterator[Case]:
    """The hot path, with the sizes in which it is used."""
    worker = {"worker_id": "me", "lease_seconds": 60.0, **MISFIRE}
    names = [f"task {n}" for n in range(7)]
    running = [f"f{n:012}" for n in range(FUTURE - 499, FUTURE + 1)]
    marks: dict[str, Any] = {f"mark_{what}": [] for what in ("queues", "tasks", "ranks", "times", "ids")}
    marked = {
        "mark_queues": ["default"],
        "mark_tasks": ["task 1"],
        "mark_ranks": [3],
        "mark_times": [datetime.now(UTC) - timedelta(hours=1)],
        "mark_ids": ["p"],
    }
    for limit, queues in product((1, 10, BATCH), (None, ["default"])):
        claim = {**worker, "queues": queues, "task_names": names, "limit": limit}
        said = f"{limit} of {queues or 'all'}"
        yield Case("claim", {**claim, **marks}, said)
        yield Case("claim", {**claim, **marked}, f"{said} beyond a mark")
        yield Case("claim", {**claim, **marks, "task_names": ["task 1"]}, f"{said}, one task")
        yield Case("claim", {**claim, **marks, "task_names": ["unknown"]}, f"{said}, nothing of it")
        yield Case("claim_by_rank", claim, said)
        yield Case("claim_by_rank", {**claim, "task_names": ["task 1"]}, f"{said}, one task")
        yield Case("claim_by_rank", {**claim, "task_names": ["unknown"]}, f"{said}, nothing of it")
    lanes = {
        "burst_seconds": 0.1,
        "token_rounding": 1e-4,
        "full_patience": 100.0,
        "set_back": 60.0,
        "note_again": 15.0,
        "competing": True,
        "queues": None,
        "after_queue": "",
        "after_task": "",
        "after_lane": "",
        "lanes_at_once": 200,
    }
    yield Case("claim_lanes", {**worker, "task_names": names, "limit": 10, **lanes, **marks})
    for number in (1, BATCH):
        ids = running[:number]
        yield Case(
            "settle_completed",
            {"worker_id": "me", "epochs": [1] * number, "target": "completed", "job_ids": ids},
            str(number),
        )
        yield Case("settle_deleted", {"worker_id": "me", "epochs": [1] * number, "job_ids": ids}, str(number))
        verdict = Verdict(JobEvent.RETRY, timedelta(seconds=1))
        told = arrays_of([Settlement(job_id, 1, "me", verdict) for job_id in ids])
        yield Case("settle", {**told, "not_kept": [], "worker_id": "me"}, str(number))
        me = {"hostname": "here", "pid": 1, "epochs": [1] * number, **values_of_life(NOTHING_NEW)}
        yield Case("renew", {**worker, **me, "job_ids": ids, "likes": "x"}, str(number))
        yield Case("request_cancel", {**CANCELLATION, "job_ids": ids}, str(number))
        yield Case("await_jobs", {"job_ids": ids, "soon_seconds": 60.0}, str(number))
        yield Case("statuses", {"job_ids": ids}, str(number))
        yield Case("infos", {"job_ids": ids}, str(number))
    yield Case("claim_job", {**worker, "job_id": "f000000000009"})
    yield Case(
        "reclaim_expired",
        {
            "heartbeat_threshold_seconds": 120.0,
            "limit": BATCH,
            "patience_seconds": 0.0,
            "not_after": None,
            "after_task": "",
            "after_lane": "",
            "lanes_at_once": 500,
            **loss_of(5),
        },
    )
    yield Case("stray_schedules", {"known_names": names, "silence_seconds": 120.0, "ahead_seconds": 60.0})
    yield Case("unclaimed", {"known_names": names[:-1], "most": 1000})
    yield Case("pending_names", {})
    yield Case("sort_into_lanes", {"task_names": ["unknown"], "queues": ["unknown"], "limit": 5000})
    yield Case("zoned_schedules", {"task_names": names, "after_key": "", "limit": 100})
    yield Case("due_schedules", {"task_names": names, "limit": 200, "except_keys": [], "except_hashes": []})
    yield Case("submit_one", _one_job())
    yield Case("submit", {f"every_{name}": [value] for name, value in _one_job().items()}, "in bulk")


def _one_job() -> dict[str, Any]:
    unset = (
        "misfire_grace_time",
        "timeout_seconds",
        "backoff",
        "schedule_key",
        "exclusive_key",
        "payload",
        "headers",
    )
    return {
        **dict.fromkeys((*unset, "dedupe_key", "delay_seconds", "limit_key")),
        "job_id": "new",
        "job_name": "task 1",
        "execution_time": datetime.now(UTC),
        "task_data": "{}",
        "priority": 5,
        "max_retries": 0,
        "store_result": False,
        "queue": "default",
        "exclusive_wait": True,
    }


class Planner:
    """Plans and runs statements as a prepared one would be, and undoes what they did."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._statements = Statements("public")

    async def plan_of(self, case: Case, mode: str) -> dict[str, Any]:
        """The plan with what really passed through each node, generic or made for these values."""
        async with self._prepared(case) as execute:
            await self._connection.execute(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
            explained = await self._connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {execute}")
        plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
        return plan

    async def plans_made(self, case: Case, times: int) -> int:
        """How many plans PostgreSQL makes for these values alone, if it is asked so many times."""
        async with self._prepared(case) as execute:
            for _ in range(times):
                await self._connection.execute(f"SAVEPOINT before; {execute}; ROLLBACK TO SAVEPOINT before")
            made: int = await self._connection.fetchval(
                "SELECT custom_plans FROM pg_prepared_statements WHERE name = 'hot'"
            )
        return made

    @asynccontextmanager
    async def _prepared(self, case: Case) -> AsyncIterator[str]:
        """The text that executes the prepared statement; what it does is undone."""
        statement = self._statements.unpinned(case.name)
        values = {"soon_seconds": 60.0, "waits_known": True, **case.values, **self._statements.channels}
        types = statement.types
        given = [await self._literal(types[name], values[name]) for name in statement.parameters]
        declared = _in_brackets(types[name] for name in statement.parameters)
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            await self._connection.execute(f"PREPARE hot{declared} AS {statement.sql}")
            yield f"EXECUTE hot{_in_brackets(given)}"
        finally:
            await transaction.rollback()
            await self._connection.execute("DEALLOCATE hot")

    async def _literal(self, kind: str, value: Any) -> str:
        text = await self._connection.fetchval(f"SELECT quote_nullable($1::{kind}::text)", value)
        return f"{text}::{kind}"


def _in_brackets(words: Iterable[str]) -> str:
    listed = ", ".join(words)
    return f" ({listed})" if listed else ""


def skip_unless_plans_are_counted(connection: asyncpg.Connection) -> None:
    """A server before 14 does not tell how often a prepared statement was planned."""
    if connection.get_server_version().major < 14:
        pytest.skip("PostgreSQL counts the plans of a statement from version 14 on")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
