"""Workers in this process, each behind a proxy of its own, and a log of what really ran in them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import psycopg_pool

from pg_scheduler import DatabaseUnavailable, JobSpec, PollingConfig, Scheduler, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.proxy import TcpProxy
from tests.support.cluster import Cluster
from tests.support.running import eventually, past

TASK = "chaos:work"
POLLING = PollingConfig(interval=1.0, interval_without_listen=0.5)
Server = EmbeddedServer | Cluster
SETTLED = 60.0
"""Seconds in which everything must have ended once nothing does harm any more."""


@dataclass(slots=True)
class Run:
    """One start of a job's function."""

    job_id: str
    epoch: int
    worker_id: str
    at: float
    """Monotonic seconds."""
    ended: bool = False
    stopped: bool = False
    """True if it was cancelled from outside."""
    accepted: bool | None = None
    """What the store said to its verdict; None while nothing is known."""
    forgotten: bool = False
    """True if the server that said so is gone, and the one that took over knows nothing of it."""


class Log:
    """An Observer of one worker, and the jobs that it runs."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs
        self._epochs: dict[str, int] = {}
        self.worker_id = "-"

    async def work(self, milliseconds: int, filler: str = "") -> None:
        """Take that long."""
        job_id = current_job().job_id
        run = Run(job_id, self._epochs[job_id], self.worker_id, time.monotonic())
        self._runs.append(run)
        try:
            await asyncio.sleep(milliseconds / 1000)
        except asyncio.CancelledError:
            run.stopped = True
            raise
        run.ended = True

    def job_started(self, job: ClaimedJob) -> None:
        """Called before the function takes its first step."""
        self._epochs[job.job_id] = job.epoch

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        """The store's answer."""
        for run in self._runs:
            if (run.job_id, run.epoch, run.worker_id) == (job.job_id, job.epoch, self.worker_id):
                run.accepted = accepted

    def pass_finished(self, service: str) -> None:
        """Nothing to tell."""


@dataclass(slots=True)
class Member:
    """One worker and its network."""

    scheduler: Scheduler
    proxy: TcpProxy
    log: Log
    close_source: Callable[[], Awaitable[None]]

    async def leave(self) -> None:
        """Shut down, and take its network along."""
        try:
            await self.scheduler.shutdown(timeout=5)
            await self.close_source()
        finally:
            await self.proxy.__aexit__()

    @property
    def worker_id(self) -> str:
        """Its identity."""
        return self.scheduler.worker_id


@dataclass(slots=True)
class Plant:
    """All of them, on one database."""

    host: Server
    dsn: str
    library: Library
    rng: random.Random
    lease: float
    port: int
    """To which the proxies pass on."""
    options: Mapping[str, Any]
    proxied: bool = True
    runs: list[Run] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)
    faults: int = 0
    recoveries: list[float] = field(default_factory=list)
    """Seconds from the end of an outage to the next completed job."""

    @property
    def server(self) -> EmbeddedServer:
        """Where there is one."""
        assert isinstance(self.host, EmbeddedServer)
        return self.host

    @property
    def cluster(self) -> Cluster:
        """Where there are two."""
        assert isinstance(self.host, Cluster)
        return self.host

    async def add(self, **options: Any) -> Member:
        """A started worker behind a new proxy."""

        class Brisk(Scheduler):
            LEASE_DURATION = self.lease
            HEARTBEAT_THRESHOLD = 2 * self.lease

        proxy = TcpProxy("127.0.0.1", self.port)
        await proxy.accept()
        log = Log(self.runs)
        options = {
            "polling_config": POLLING,
            "max_crashes": 1000,
            "observers": [log],
            **self.options,
            **options,
        }
        source, closing = await self._source(proxy)
        scheduler = Brisk(source, library=self.library, **options)
        scheduler.register(log.work, name=TASK)
        member = Member(scheduler, proxy, log, closing)
        self.members.append(member)
        log.worker_id = scheduler.worker_id
        await scheduler.start()
        return member

    async def _source(self, proxy: TcpProxy) -> tuple[Any, Callable[[], Awaitable[None]]]:
        """A DSN; behind a pooler, a pool as its users have to make it, without prepared statements."""
        if not self.proxied:
            return self.dsn, _nothing
        dsn = proxy.dsn(self.dsn)
        if self.port == self.host.port:
            return dsn, _nothing
        if self.library == "asyncpg":
            pool = await asyncpg.create_pool(dsn, min_size=1, max_size=5, statement_cache_size=0)
            return pool, pool.close
        kwargs = {"prepare_threshold": None, "autocommit": True}
        made = psycopg_pool.AsyncConnectionPool(dsn, min_size=1, max_size=5, kwargs=kwargs, open=False)
        await made.open(wait=True)
        return made, made.close

    async def sql(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """Look behind the scenes, on a connection of its own that no fault touches."""
        connection = await asyncpg.connect(self.dsn)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(query, *args)
            return rows
        finally:
            await connection.close()

    async def submit(
        self, number: int, milliseconds: tuple[int, int] = (1, 5), by: Member | None = None
    ) -> None:
        """Schedule jobs that are due, under ids that the library makes."""
        specs = [JobSpec(TASK, past(), args=(self.rng.randint(*milliseconds),)) for _ in range(number)]
        scheduler = (by or self.members[0]).scheduler
        self.planned += [str(handle) for handle in await scheduler.schedule_bulk(specs)]

    async def submit_directly(self, number: int, milliseconds: int = 1) -> None:
        """As plain SQL, past every proxy."""
        rows = await self.sql(
            "INSERT INTO scheduled_jobs (job_name, execution_time, task_data)"
            " SELECT $1, now() - interval '1s',"
            """ jsonb_build_object('args', jsonb_build_array($3::int), 'kwargs', '{}'::jsonb)"""
            " FROM generate_series(1, $2::int) RETURNING job_id",
            TASK, number, milliseconds,
        )  # fmt: skip
        self.planned += [row["job_id"] for row in rows]

    async def submit_whatever_comes(self, number: int) -> None:
        """Schedule jobs one by one while the server refuses statements by chance. Those that it has no room
        for are no jobs; a mere conflict must not be heard of."""
        for _ in range(number):
            scheduler = self.rng.choice(self.members).scheduler
            with suppress(DatabaseUnavailable):
                self.planned.append(
                    str(
                        await scheduler.schedule(TASK, execution_time=past(), args=(self.rng.randint(1, 50),))
                    )
                )

    async def begin_windows(self) -> None:
        """A window each second, all of which are to become jobs."""
        await self.members[0].scheduler.add_schedule(
            TASK, key="windows", every=timedelta(seconds=1), args=(1,), overlap="allow", catch_up="all"
        )

    async def windows(self) -> int:
        """How many have become jobs."""
        (row,) = await self.sql(
            "SELECT count(*) AS windows FROM scheduled_jobs WHERE schedule_key = 'windows'"
        )
        number: int = row["windows"]
        return number

    async def another_window(self, after: int) -> None:
        """Wait for one more than there were."""

        async def staged() -> bool:
            return await self.windows() > after

        await eventually(staged)

    async def end_windows(self) -> None:
        """No more windows; the jobs of the others count from now on."""
        await self.members[0].scheduler.pause_schedule("windows")
        rows = await self.sql(
            # A window that was staged and not yet due is cancelled by the pause.
            "SELECT job_id FROM scheduled_jobs WHERE schedule_key = 'windows' AND status <> 'cancelled'"
        )
        self.planned += [row["job_id"] for row in rows]

    async def note_recovery(self, since: float) -> None:
        """How long after `since` (monotonic) a new job has been completed."""
        (row,) = await self.sql(
            "INSERT INTO scheduled_jobs (job_name, execution_time, task_data, priority)"
            """ VALUES ($1, now() - interval '1s', '{"args": [1], "kwargs": {}}', 1) RETURNING job_id""",
            TASK,
        )
        self.planned.append(row["job_id"])
        await eventually(
            lambda: any(run.job_id == row["job_id"] and run.accepted for run in self.runs), SETTLED
        )
        self.recoveries.append(time.monotonic() - since)

    async def all_running(self, number: int) -> None:
        """Wait until so many functions run."""
        await eventually(lambda: sum(not (run.ended or run.stopped) for run in self.runs) >= number, SETTLED)

    async def all_settled(self) -> None:
        """Wait until no planned job is left to do."""

        async def none_left() -> bool:
            rows = await self.sql(
                "SELECT count(*) AS left FROM scheduled_jobs WHERE status IN ('pending', 'running')"
                " AND job_id = ANY ($1::text[])",
                self.planned,
            )
            return bool(rows[0]["left"] == 0)

        await eventually(none_left, SETTLED)
        # The row changes before the worker hears of it.
        await eventually(lambda: all(run.accepted is not None for run in self.runs), SETTLED)

    async def close(self) -> None:
        """End all workers, then the networks."""
        await asyncio.gather(*(member.leave() for member in self.members))


async def _nothing() -> None: ...


@asynccontextmanager
async def started(made: Plant, workers: int) -> AsyncIterator[Plant]:
    """With so many workers; closed in the end."""
    try:
        for _ in range(workers):
            await made.add()
        yield made
    finally:
        await made.close()
