"""Each PostgreSQL driver beside the memory driver: the same steps, the same answers, the same rows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.domain.model import JobRecord, Lease, NewJob
from pg_scheduler.domain.retry import Backoff
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.driver import ClaimRequest, Driver, ReclaimRequest, RenewRequest
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import NOON
from tests.support.databases import Servers, new_database, versions_to_test

EXAMPLES = int(os.environ.get("SIDE_BY_SIDE_EXAMPLES", "30"))
"""Set it higher for a longer search."""

IDS = st.sampled_from(["a", "b", "C", "\u00e4"])
NAMES = st.sampled_from(["task", "other"])
WORKERS = st.sampled_from(["ann", "bob"])
SECONDS = st.sampled_from([0, 1, 5, 30, 61, 200])
JOBS = st.builds(
    NewJob,
    job_id=IDS,
    task_name=NAMES,
    execution_time=st.sampled_from([-30, 0, 10, 90]).map(lambda s: NOON + timedelta(seconds=s)),
    task_data=st.just('{"args": [], "kwargs": {}}'),
    rank=st.sampled_from([1, 5, 8]),
    max_retries=st.sampled_from([0, 2]),
    misfire_grace_seconds=st.sampled_from([None, 0, 20]),
    timeout=st.sampled_from([None, timedelta(seconds=2)]),
    backoff=st.sampled_from([None, Backoff(timedelta(seconds=1), 2.0, timedelta(seconds=9), 0.5)]),
    store_result=st.booleans(),
)
_DELAYS = dict.fromkeys((JobEvent.RETRY, JobEvent.SNOOZE), timedelta(seconds=7))
VERDICTS = st.builds(
    Verdict,
    event=st.sampled_from(list(ATTEMPT_OUTCOMES)),
    error_message=st.sampled_from([None, "E: broken"]),
    traceback=st.sampled_from([None, "Traceback"]),
    result=st.sampled_from([None, "[1]"]),
).map(lambda verdict: replace(verdict, delay=_DELAYS.get(verdict.event)))
EPOCHS = st.integers(0, 4)


class SideBySide(RuleBasedStateMachine):
    """Whatever one driver answers, the other must answer too."""

    run: Callable[[Awaitable[Any]], Any]
    """To its end, in the one event loop of the test."""
    subject: Driver
    connection: Any

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOON
        self.model = MemoryDriver()
        self.run(self.connection.execute(
            "DELETE FROM scheduled_jobs; DELETE FROM scheduled_job_attempts;"
            "DELETE FROM scheduled_job_workers"
        ))  # fmt: skip

    def both(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call both; the answer they agree on."""
        answers = [
            self.run(_answer(driver, method, *arguments, now=self.now, **options))
            for driver in (self.model, self.subject)
        ]
        assert answers[0] == answers[1], f"{method}{arguments}"
        return answers[0]

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(jobs=st.lists(JOBS, max_size=4), conflict=st.sampled_from(ConflictResolution))
    def submit(self, jobs: list[NewJob], conflict: ConflictResolution) -> None:
        self.both("submit", jobs, conflict, batch_size=2)

    @rule(worker=WORKERS, names=st.sets(NAMES), limit=st.integers(1, 3))
    def claim(self, worker: str, names: set[str], limit: int) -> None:
        self.both("claim", ClaimRequest(worker, sorted(names), limit, timedelta(seconds=60)))

    @rule(worker=WORKERS, job_id=IDS)
    def claim_job(self, worker: str, job_id: str) -> None:
        self.both("claim_job", job_id, ClaimRequest(worker, (), 1, timedelta(seconds=60)))

    @rule(worker=WORKERS, leases=st.lists(st.builds(Lease, IDS, EPOCHS), unique=True, max_size=4))
    def renew(self, worker: str, leases: list[Lease]) -> None:
        self.both("renew", RenewRequest(worker, "host", 1, timedelta(seconds=60), leases))

    @rule(
        told=st.lists(
            st.builds(Settlement, IDS, EPOCHS, WORKERS, VERDICTS),
            max_size=3,
            unique_by=lambda settlement: settlement.job_id,
        ),
        not_kept=st.sampled_from([(), (JobStatus.COMPLETED,)]),
    )
    def settle(self, told: list[Settlement], not_kept: tuple[JobStatus, ...]) -> None:
        self.both("settle", told, not_kept=not_kept)

    @rule(verdict=VERDICTS)
    def settle_what_runs(self, verdict: Verdict) -> None:
        running = self.run(self.model.jobs(statuses=[JobStatus.RUNNING]))
        told = [Settlement(job.job_id, job.epoch, str(job.worker_id), verdict) for job in running[:2]]
        self.both("settle", told)

    @rule(max_crashes=st.sampled_from([1, 3]), limit=st.sampled_from([1, 500]))
    def reclaim(self, max_crashes: int, limit: int) -> None:
        self.both("reclaim_expired", ReclaimRequest(timedelta(seconds=120), max_crashes, limit))

    @rule(job_ids=st.lists(IDS, unique=True, max_size=3))
    def cancel(self, job_ids: list[str]) -> None:
        self.both("request_cancel", job_ids)

    @rule(job_id=IDS, status=st.sampled_from(JobStatus))
    def override(self, job_id: str, status: JobStatus) -> None:
        self.both("override_status", job_id, status)

    @invariant()
    def the_rows_are_the_same(self) -> None:
        model, subject = (self.run(_everything(driver)) for driver in (self.model, self.subject))
        assert model == subject


async def _answer(driver: Driver, method: str, *arguments: Any, **options: Any) -> Any:
    try:
        return await getattr(driver, method)(*arguments, **options)
    except PgSchedulerError as error:
        return type(error), str(error)


async def _everything(driver: Driver) -> Any:
    jobs = [_normal(job) for job in await driver.jobs()]
    history = [await driver.attempts(job.job_id) for job in jobs]
    return jobs, history, await driver.counts(), await driver.workers(), await driver.pending_names()


def _normal(job: JobRecord) -> JobRecord:
    """jsonb has a spelling of its own."""
    result = None if job.result is None else json.dumps(json.loads(job.result))
    return replace(job, task_data=json.dumps(json.loads(job.task_data)), result=result)


def test_the_drivers_agree(servers: Servers, library: str) -> None:
    with asyncio.Runner() as runner:
        dsn = runner.run(new_database(servers[versions_to_test()[0]]))
        connection = runner.run(_connect(dsn))
        driver = driver_over(dsn, library=library)
        runner.run(_prepare(driver))

        class Machine(SideBySide):
            pass

        Machine.run = staticmethod(runner.get_loop().run_until_complete)
        Machine.subject, Machine.connection = driver, connection
        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    print_blob=True,
                ),
            )
        finally:
            runner.run(connection.close())
            runner.run(driver.close())


async def _connect(dsn: str) -> Any:
    return await asyncpg.connect(dsn)


async def _prepare(driver: Driver) -> None:
    await driver.open()
    await driver.install()


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
