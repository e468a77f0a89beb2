"""Plays: enqueues everything, kills a worker per second, waits, judges."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from pg_scheduler import Queries
from pg_scheduler.client.source import Library
from tests.chaos.crew import Crew
from tests.chaos.journal import ORIGIN
from tests.chaos.limits.findings import Findings, judged
from tests.chaos.limits.journal import read
from tests.chaos.limits.worker import FEW, KEYED, PACED, LimitsLaunch

SHARES = {FEW: 0.2, KEYED: 0.56, PACED: 0.24}
KEYS = 50
MILLISECONDS = {FEW: (10, 40), KEYED: (5, 100), PACED: (1, 10)}
INTERVAL = 1.0
"""Seconds between kills."""
PATIENCE = 60.0
"""Seconds without a job's end after which nothing more is hoped for."""

_GRANTED = """
SELECT job_id, job_name, extract(EPOCH FROM granted.at)::double precision AS at
FROM (
    SELECT job_id, started_at AS at FROM scheduled_jobs
    UNION
    SELECT job_id, started_at FROM scheduled_job_attempts
) AS granted
JOIN scheduled_jobs USING (job_id)
WHERE granted.at IS NOT NULL
"""


async def play(
    library: Library, dsn: str, seed: int, *, jobs: int = 5000, workers: int = 4, lease: float = 2.0,
    kills: int | None = None,
) -> Findings:  # fmt: skip
    """Play on an empty database; every process and file is gone afterwards. `kills` is how many there are;
    None: as long as there are jobs."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="limits-") as folder:
        journal = Path(folder) / "journal"
        crew = Crew(
            LimitsLaunch(dsn, library, str(journal), lease), Path(folder), "tests.chaos.limits.worker"
        )
        sql = await asyncpg.connect(dsn)
        try:
            await enqueue(dsn, jobs, rng)
            crew.hire(workers)
            killed = await _kill_until_done(crew, sql, jobs, kills, rng)
            await crew.dismiss()
            given = await sql.fetch(_GRANTED)
            return judged(
                read(journal),
                killed,
                [row["at"] for row in given if row["job_name"] == PACED],
                _by_job(given),
                library=library,
                seed=seed,
                jobs=jobs,
                unfinished=jobs - await _completed(sql),
                lease=lease,
                deserted=len(crew.deserted),
            )
        finally:
            crew.disband()
            await sql.close()


async def enqueue(dsn: str, jobs: int, rng: random.Random) -> None:
    """Store all of them, due now."""
    async with Queries(dsn) as queries:
        for name, share in SHARES.items():
            number = round(jobs * share)
            payloads = [str(rng.randint(*MILLISECONDS[name])).encode() for _ in range(number)]
            keys = [f"k{place % KEYS}" if name == KEYED else None for place in range(number)]
            await queries.enqueue(name, payloads, limit_key=keys)


async def _kill_until_done(
    crew: Crew, sql: asyncpg.Connection, jobs: int, kills: int | None, rng: random.Random
) -> dict[int, float]:
    """Return when all jobs are completed, or when nothing happens any more: when which worker was dead."""
    killed: dict[int, float] = {}
    done, since, last_kill = 0, time.monotonic(), time.monotonic()
    while done < jobs and time.monotonic() - since < PATIENCE:
        await asyncio.sleep(0.1)
        crew.replace_deserters()
        if (now := await _completed(sql)) > done:
            done, since = now, time.monotonic()
        # Not before the workers have begun.
        wanted = 0 < done < jobs and (kills is None or len(killed) < kills)
        if wanted and time.monotonic() - last_kill >= INTERVAL:
            last_kill = time.monotonic()
            victim = rng.choice(crew.members)
            crew.kill(victim)
            killed[victim.pid] = time.monotonic() - (time.time() - crew.faults[-1].began)
    return killed


def _by_job(given: Sequence[asyncpg.Record]) -> dict[str, list[float]]:
    """When each job was given away, by the monotonic clock that the journal goes by."""
    grants: dict[str, list[float]] = {}
    for row in given:
        grants.setdefault(row["job_id"], []).append(row["at"] - ORIGIN)
    return grants


async def _completed(sql: asyncpg.Connection) -> int:
    number: int = await sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE status = 'completed'")
    return number
