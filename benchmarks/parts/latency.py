"""How late jobs start: at their due instant, and when they are due at once."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.figures import milliseconds, percentile
from benchmarks.frame import Bench, Part, Table
from benchmarks.notify import Ping, bare_notify
from benchmarks.statements import StatementLog, count_within
from benchmarks.worker import tell_time, worker_process
from pg_scheduler import JobHandle, JobSpec, Scheduler

AHEAD = 2.0
"""Seconds between scheduling and due time."""
ROUND = 20
"""Jobs that are scheduled together, due one after the other over a second."""
CROWD, CROWD_AHEAD = 100, 1.0
"""Jobs that are due at the same instant, and seconds from scheduling them to it."""
TO_REST, BEFORE_DUE = 0.25, 0.05
"""Seconds that a worker gets to take note of new jobs, and before the first is due; between, it is idle."""


@dataclass(slots=True)
class Samples:
    """What was measured, in seconds."""

    lateness: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    """Of jobs that are due at the very same instant."""
    from_call: list[float] = field(default_factory=list)
    """From calling `schedule()` to the start."""
    from_return: list[float] = field(default_factory=list)
    """From its return to the start."""
    bare: list[float] = field(default_factory=list)
    written: list[float] = field(default_factory=list)
    """As `bare`, until a row is written."""
    quiet: list[tuple[float, float]] = field(default_factory=list)
    """Spans of Unix time in which the worker only waited."""


async def measure(bench: Bench) -> list[Table]:
    """Both latencies, the reference, and what waiting costs."""
    database = await bench.new_database()
    log = StatementLog(bench.server)
    samples, counted = Samples(), Samples()
    producer = Scheduler(database.dsn, library=bench.library)
    try:
        async with worker_process(bench, database), bare_notify(bench.library, database.dsn) as ping:
            await _pick_up(Samples(), producer, ping, bench.size(20))  # warm up: plans, caches
            for _ in range(bench.size(15)):
                await _run_late(samples, producer)
            for _ in range(bench.size(10)):
                samples.crowded += await _run_crowd(producer, min(CROWD, bench.size(10 * CROWD)))
            await _pick_up(samples, producer, ping, bench.size(300))
        # Logging takes time, so statements are counted apart.
        await log.enable()
        async with worker_process(bench, database):
            for _ in range(bench.size(5)):
                await _run_late(counted, producer)
    finally:
        await producer.shutdown()
        await log.enable(False)
    return [_latencies(samples), _idling(counted, await log.instants())]


async def _run_late(samples: Samples, producer: Scheduler) -> None:
    """One round of jobs that are due at instants of their own, two seconds ahead and later."""
    origin = datetime.now(UTC) + timedelta(seconds=AHEAD)
    spread = [(place + random.random()) / ROUND for place in range(ROUND)]
    due = [origin + timedelta(seconds=offset) for offset in spread]
    handles = [await _scheduled(producer, instant) for instant in due]
    samples.quiet.append((time.time() + TO_REST, due[0].timestamp() - BEFORE_DUE))
    await asyncio.sleep((due[-1] - datetime.now(UTC)).total_seconds())
    starts = [await handle.result(timeout=30) for handle in handles]
    samples.lateness += [start - instant.timestamp() for start, instant in zip(starts, due, strict=True)]


async def _run_crowd(producer: Scheduler, number: int) -> list[float]:
    """How late jobs start that are due at one instant together."""
    due = datetime.now(UTC) + timedelta(seconds=CROWD_AHEAD)
    specs = [JobSpec(tell_time, due, store_result=True) for _ in range(number)]
    handles = await producer.schedule_bulk(specs)
    starts = [await handle.result(timeout=30) for handle in handles if handle is not None]
    return [start - due.timestamp() for start in starts]


async def _pick_up(samples: Samples, producer: Scheduler, ping: Ping, number: int) -> None:
    """Jobs that are due at once, one at a time, each beside one bare NOTIFY."""
    for _ in range(number):
        called = time.time()
        handle = await _scheduled(producer, datetime.now(UTC))
        returned = time.time()
        started = await handle.result(timeout=30)
        samples.from_call.append(started - called)
        samples.from_return.append(started - returned)
        await asyncio.sleep(random.uniform(0.01, 0.03))
        samples.bare.append(await ping())
        await asyncio.sleep(random.uniform(0.01, 0.03))
        samples.written.append(await ping(write=True))
        await asyncio.sleep(random.uniform(0.01, 0.03))


async def _scheduled(producer: Scheduler, due: datetime) -> JobHandle:
    return await producer.schedule(tell_time, execution_time=due, store_result=True)


def _latencies(samples: Samples) -> Table:
    rows = {
        f"start after due time, scheduled {AHEAD:g} s ahead": samples.lateness,
        f"the same, {CROWD} jobs due at one instant": samples.crowded,
        "start after schedule() returned": samples.from_return,
        "start after schedule() was called": samples.from_call,
        "bare NOTIFY, sent to heard": samples.bare,
        "bare NOTIFY, then a row written": samples.written,
    }
    return Table(
        "latency",
        ("figure", "samples", "p50 ms", "p95 ms", "p99 ms", "max ms", "p50 / bare", "p99 / bare"),
        [
            (
                name,
                len(found),
                *milliseconds(found),
                *(percentile(found, rank) / percentile(samples.bare, rank) for rank in (50, 99)),
            )
            for name, found in rows.items()
        ],
    )


def _idling(samples: Samples, sent: list[float]) -> Table:
    seconds = sum(end - begin for begin, end in samples.quiet)
    statements = count_within(sent, samples.quiet)
    return Table(
        "idle worker, jobs pending",
        ("idle seconds", "statements", "statements/s"),
        [(seconds, statements, statements / seconds)],
    )


LATENCY = Part(
    name="latency",
    summary="lateness of jobs due at an instant, pickup of jobs due at once, statements of an idle worker",
    reading="""
Start after due time: the job's own clock reading in its first line minus its execution_time. It holds the
claim's round trip and commit, which waits for the disk. Of jobs that are due at one instant, the last wait
for the others: a claim takes 10, and 25 run at once. Start after schedule() returned: how long a job that is
due at once waits for a worker that has nothing to do; after schedule() was called: the same with the
enqueueing itself. Bare NOTIFY: from sending NOTIFY on one connection until another hears it, the least that
any wake-up through PostgreSQL can cost; the last columns are ratios to it. Then a row written: whoever hears
it updates one row by its key and waits for the commit, the least that a claim which nobody takes again can
cost. Idle worker: statements of all its
connections, pool resets and probes included, while jobs are pending and none is due. Where the load average
above is not near 0, the tails (see that of the bare NOTIFY) tell of the machine, not of the scheduler.
""".strip(),
    measure=measure,
)
