"""``python -m tests.chaos.soak``: work for long in one worker, and whether it and the tables keep their size.

Prints memory, threads and open files of the worker, and dead tuples and size of the tables, once a minute.
The worker gives free memory back to the system all the time: else the C library keeps ever more small holes,
some ten bytes a job, and nobody could tell them from a leak.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from pg_scheduler import JobSpec, RetryPolicy, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST
from tests.chaos.crew import Crew
from tests.chaos.tasks import TASKS, hang, work
from tests.chaos.worker import Launch
from tests.support.databases import new_database

JOBS_PER_SECOND = 100
WARM_UP = 0.25
"""This part of the samples is left out: caches fill (memory is flat after about 20,000 jobs), autovacuum
comes for the first time."""
MEMORY_GROWTH, DEAD_GROWTH = 1.05, 1.5
"""By so much may the second half of the rest be above the first."""
FEW_DEAD = 2_000
"""Fewer say nothing: autovacuum comes when a share of what it counted last is dead, which varies."""

_TABLES = """
SELECT
    sum(n_dead_tup)::bigint AS dead,
    sum(n_live_tup)::bigint AS live,
    sum(pg_total_relation_size(relid))::bigint AS bytes
FROM pg_stat_user_tables
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One minute's line."""

    seconds: float
    jobs: int
    """That have ended so far."""
    memory: int
    """Resident kilobytes."""
    threads: int
    files: int
    dead: int
    """Tuples."""
    live: int
    bytes: int

    def line(self) -> str:
        """For people."""
        parts = (
            f"{self.seconds:6.0f} s",
            f"{self.jobs:8} jobs",
            f"{self.memory / 1024:6.1f} MB",
            f"{self.threads:3} threads",
            f"{self.files:3} files",
            f"{self.dead:6} dead",
            f"{self.live:6} live",
            f"{self.bytes / 2**20:6.1f} MB of tables",
        )
        return "  ".join(parts)


def grown(samples: Sequence[Sample], of: Callable[[Sample], int]) -> float:
    """How many times the first half's mean the second half's is, the warm-up left out."""
    rest = [of(one) for one in samples[round(len(samples) * WARM_UP) :]]
    middle = len(rest) // 2
    return statistics.mean(rest[middle:]) / max(statistics.mean(rest[:middle]), 1)


def verdict(samples: Sequence[Sample]) -> tuple[bool, str]:
    """Whether all stayed flat, and in words."""
    if len(samples) < 6:
        return False, "too few samples to tell"
    limits = {
        "memory": (grown(samples, lambda one: one.memory), MEMORY_GROWTH),
        "threads": (grown(samples, lambda one: one.threads), MEMORY_GROWTH),
        "files": (grown(samples, lambda one: one.files), MEMORY_GROWTH),
        "dead tuples": (grown(samples, lambda one: max(one.dead, FEW_DEAD)), DEAD_GROWTH),
        "size of tables": (grown(samples, lambda one: one.bytes), DEAD_GROWTH),
    }
    said = [
        f"{name} {'flat' if times <= limit else 'GROWING'} (x {times:.2f})"
        for name, (times, limit) in limits.items()
    ]
    return all(times <= limit for times, limit in limits.values()), "; ".join(said)


async def soak(
    server: EmbeddedServer, library: Library, seconds: float, every: float, rate: int = JOBS_PER_SECOND
) -> list[Sample]:
    """Work that long; the samples."""
    dsn = await new_database(server)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        # Nothing is judged by the journal here, and it would fill the disk.
        launch = Launch(dsn, library, "/dev/null", 10.0, keep=False, every=1.0, trims=True)
        crew, producer = Crew(launch, folder), Scheduler(dsn, library=library)
        sql = await asyncpg.connect(dsn)
        try:
            for function, executor in TASKS.values():
                producer.register(function, executor=executor)
            await producer.initialize_db()
            crew.hire()
            producing = asyncio.create_task(_produce(producer, rate))
            samples = await _watched(crew, sql, seconds, every)
            producing.cancel()
            await asyncio.gather(producing, return_exceptions=True)
            await crew.dismiss()
            return samples
        finally:
            crew.disband()
            await producer.shutdown()
            await sql.close()


async def _produce(producer: Scheduler, rate: int) -> None:
    """Jobs of all sorts: short ones, some that fail and are tried again, some that hang and time out."""
    rng = random.Random(1)
    while True:
        now = datetime.now(UTC)
        specs = [_spec(rng, now + timedelta(seconds=rng.random())) for _ in range(rate)]
        await producer.schedule_bulk(specs)
        await asyncio.sleep(1.0)


def _spec(rng: random.Random, due: datetime) -> JobSpec:
    if rng.random() < 0.01:
        return JobSpec(func=hang, execution_time=due, args=(1,), timeout=0.5)
    failing = 1 if rng.random() < 0.05 else 0
    retry = RetryPolicy(base=timedelta(seconds=1), factor=1.0)
    return JobSpec(
        func=work, execution_time=due, args=(rng.randint(1, 20), failing), max_retries=2, retry=retry
    )


async def _watched(crew: Crew, sql: asyncpg.Connection, seconds: float, every: float) -> list[Sample]:
    began, samples = time.monotonic(), list[Sample]()
    (worker,) = crew.members
    while time.monotonic() - began < seconds:
        await asyncio.sleep(every)
        if worker.poll() is not None:
            raise RuntimeError("the worker ended by itself: " + "; ".join(crew.complaints()))
        samples.append(await _sample(worker.pid, sql, time.monotonic() - began))
        print(samples[-1].line(), flush=True)
    return samples


async def _sample(pid: int, sql: asyncpg.Connection, seconds: float) -> Sample:
    text = await asyncio.to_thread(Path(f"/proc/{pid}/status").read_text)
    status = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    files = await asyncio.to_thread(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())))
    tables = await sql.fetchrow(_TABLES)
    return Sample(
        seconds=seconds,
        jobs=await sql.fetchval("SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'scheduled_jobs'"),
        memory=int(status["VmRSS"].split()[0]),
        threads=int(status["Threads"]),
        files=files,
        dead=tables["dead"],
        live=tables["live"],
        bytes=tables["bytes"],
    )


def main(arguments: list[str]) -> int:
    """Exit code 0 if all stayed flat."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between samples, at the most")
    parser.add_argument("--library", choices=("asyncpg", "psycopg"), default="asyncpg")
    parser.add_argument("--rate", type=int, default=JOBS_PER_SECOND, help="jobs per second")
    chosen = parser.parse_args(arguments)
    seconds = chosen.minutes * 60
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Often enough that a short run sees autovacuum come more than once.
    settings = {**FAST, "autovacuum_naptime": "'10s'"}
    try:
        with EmbeddedServer(settings=settings) as server:
            every = min(chosen.every, seconds / 12)
            samples = asyncio.run(soak(server, chosen.library, seconds, every, chosen.rate))
    except KeyboardInterrupt:
        print("interrupted; everything is cleaned up", file=sys.stderr)
        return 130
    flat, said = verdict(samples)
    print(said)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
