"""Each PostgreSQL driver beside the memory driver: the same steps, the same answers, the same rows.

    SIDE_BY_SIDE_EXAMPLES=1000 python -m pytest tests/contract/test_side_by_side.py

searches longer, and makes what it finds as short as it can, which may take minutes. A failure prints its
steps as a program and the line that repeats it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from unittest.mock import patch

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pg_scheduler.client.source import Library
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import DuplicateJob, JobAlreadyExists, PgSchedulerError
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.model import ClaimedJob, JobRecord, NewJob, Progress
from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.claims import ClaimRequest, LaneAnswer
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import ReclaimRequest, RenewRequest
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import NOON
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_postgres import submitting
from tests.contract.ordinals import Ordinals
from tests.contract.shapes import SHAPES
from tests.contract.strategies import (
    DEDUPE_KEYS,
    IDS,
    JOBS,
    KNOWN_NAMES,
    LEASE,
    LIMIT,
    LIMITS,
    NAMES,
    NOT_KEPT,
    PASSING,
    POLICIES,
    QUEUES,
    VERDICTS,
    WORKERS,
    Held,
    leases,
    settlements,
)
from tests.support.databases import new_database

ASKED_FOR = os.environ.get("SIDE_BY_SIDE_EXAMPLES")
EXAMPLES = int(ASKED_FOR or "40")
STEPS = 40
BATCHES = st.sampled_from([1, 500])
CONFLICTS = st.sampled_from(ConflictResolution)
TABLES = (
    "scheduled_jobs",
    "scheduled_job_attempts",
    "scheduled_job_workers",
    "scheduled_job_limits",
    "scheduled_job_lanes",
    "scheduled_job_queues",
)

Run = Callable[[Awaitable[Any]], Any]
"""Runs to the end, in the one event loop of the test."""


class SideBySide(RuleBasedStateMachine):
    """Whatever one driver answers, the other must answer too."""

    def __init__(self, run: Run, subject: Driver, housekeeping: asyncpg.Connection) -> None:
        super().__init__()
        self._run = run
        self._model = MemoryDriver()
        self._subject = subject
        self._ordinals = {driver: Ordinals() for driver in (self._model, subject)}
        self._now: datetime = NOON
        self._known: list[Held] = []
        """Every lease that was ever given."""
        run(housekeeping.execute(";".join(f"DELETE FROM {table}" for table in TABLES)))

    def both(self, method: str, *arguments: Any, **options: Any) -> Any:
        """The answer that both give at the pinned instant."""
        model, subject = (
            ordinals.shown(
                self._run(_answer(driver, method, *ordinals.meant(arguments), now=self._now, **options))
            )
            for driver, ordinals in self._ordinals.items()
        )
        assert model == subject, f"{method}{arguments} {options}"
        return model

    def remember(self, jobs: list[ClaimedJob], worker: str) -> None:
        self._known += [(job.lease, worker) for job in jobs]

    @initialize(jobs=st.lists(JOBS, min_size=3, max_size=8))
    def begin_with_a_few_jobs(self, jobs: list[NewJob]) -> None:
        self.both("jobs.submit", jobs, ConflictResolution.IGNORE)

    @rule(by=PASSING)
    def time_passes(self, by: timedelta) -> None:
        self._now += by

    @rule(
        jobs=st.lists(JOBS, max_size=5), conflict=st.sampled_from(ConflictResolution), rows=st.integers(1, 3)
    )
    def submit(self, jobs: list[NewJob], conflict: ConflictResolution, rows: int) -> None:
        self.both("jobs.submit", jobs, conflict, batch_size=rows)

    @rule(worker=WORKERS, names=KNOWN_NAMES, limit=st.sampled_from([4, 2, 1, 4, 0]))
    def claim(self, worker: str, names: list[str], limit: int) -> None:
        answer = self.both("jobs.claim", ClaimRequest(worker, names, limit, LEASE))
        self.remember(answer.jobs, worker)

    @rule(jobs=st.lists(st.tuples(JOBS, DEDUPE_KEYS), min_size=1, max_size=3), raising=st.booleans())
    def enqueue(self, jobs: list[tuple[NewJob, str | None]], raising: bool) -> None:
        keyed = [replace(job, dedupe_key=key) for job, key in jobs]
        self.both("jobs.submit", keyed, ConflictResolution.RAISE if raising else ConflictResolution.IGNORE)

    @rule(limits=LIMITS)
    def set_limits(self, limits: dict[str, TaskLimits]) -> None:
        self.both("limits.set_limits", limits)

    @rule(name=NAMES, paused=st.booleans())
    def pause(self, name: str, paused: bool) -> None:
        self.both("limits.pause_task", name, paused)

    @rule(queue=QUEUES, limits=LIMIT)
    def limit_queue(self, queue: str, limits: TaskLimits) -> None:
        self.both("limits.limit_queue", queue, limits)

    @rule(queue=QUEUES, paused=st.booleans())
    def pause_queue(self, queue: str, paused: bool) -> None:
        self.both("limits.pause_queue", queue, paused)

    @rule(worker=WORKERS, names=KNOWN_NAMES, limit=st.sampled_from([4, 2, 1, 4]))
    def claim_from_lanes(self, worker: str, names: list[str], limit: int) -> None:
        answer = self.both("jobs.claim_lanes", ClaimRequest(worker, names, limit, LEASE))
        self.remember(answer.jobs, worker)

    @precondition(lambda self: self._known)
    @rule(data=st.data(), done=st.sampled_from([0.0, 2.5]), total=st.sampled_from([None, 10.0]))
    def report_progress(self, data: st.DataObject, done: float, total: float | None) -> None:
        reports = dict.fromkeys(data.draw(leases(self._known)), Progress(done, total))
        latest = {lease.job_id: lease for lease in reports}
        for driver, ordinals in self._ordinals.items():
            noted = ordinals.meant({lease: reports[lease] for lease in latest.values()})
            self._run(driver.jobs.note_progress(noted))

    @rule(worker=WORKERS, job_id=IDS)
    def start(self, worker: str, job_id: str) -> None:
        job = self.both("jobs.claim_job", job_id, ClaimRequest(worker, (), 1, LEASE))
        self.remember([job] if job else [], worker)

    @precondition(lambda self: self._known)
    @rule(worker=WORKERS, data=st.data())
    def renew(self, worker: str, data: st.DataObject) -> None:
        self.both("jobs.renew", RenewRequest(worker, "host", 1, LEASE, data.draw(leases(self._known))))

    @precondition(lambda self: self._known)
    @rule(data=st.data(), not_kept=NOT_KEPT)
    def settle(self, data: st.DataObject, not_kept: tuple[JobStatus, ...]) -> None:
        self.both("jobs.settle", data.draw(settlements(self._known)), not_kept=not_kept)

    @precondition(lambda self: self._known)
    @rule(verdict=VERDICTS)
    def settle_the_latest(self, verdict: Verdict) -> None:
        lease, worker = self._known[-1]
        self.both("jobs.settle", [Settlement(lease.job_id, lease.epoch, worker, verdict)])

    @precondition(lambda self: self._known)
    @rule(worker=WORKERS)
    def start_the_latest_again(self, worker: str) -> None:
        self.start(worker, self._known[-1][0].job_id)

    @precondition(lambda self: self._known)
    @rule(job=JOBS)
    def replace_the_latest(self, job: NewJob) -> None:
        lease, _ = self._known[-1]
        self.both("jobs.submit", [replace(job, job_id=lease.job_id)], ConflictResolution.REPLACE)

    @rule(after=st.sampled_from([timedelta(0), 2 * LEASE]), max_crashes=st.integers(1, 3), limit=BATCHES)
    def reclaim(self, after: timedelta, max_crashes: int, limit: int) -> None:
        self._now += after
        self.both("jobs.reclaim_expired", ReclaimRequest(timedelta(seconds=120), max_crashes, limit))

    @rule(job_ids=st.lists(IDS, max_size=2))
    def cancel(self, job_ids: list[str]) -> None:
        self.both("jobs.request_cancel", job_ids)

    @rule(job_id=IDS, status=st.sampled_from(JobStatus))
    def override(self, job_id: str, status: JobStatus) -> None:
        self.both("jobs.override_status", job_id, status)

    @rule(status=st.sampled_from([status for status in JobStatus if status.finished]), policy=POLICIES)
    def prune(self, status: JobStatus, policy: VacuumPolicy) -> None:
        self.both("retention.prune", status, policy, 100)

    @invariant()
    def the_rows_are_the_same(self) -> None:
        self.both("insight.unclaimed", ["Task"])
        model, subject = (
            ordinals.shown(self._run(_everything(driver))) for driver, ordinals in self._ordinals.items()
        )
        assert model == subject


async def _answer(driver: Driver, method: str, *arguments: Any, **options: Any) -> Any:
    try:
        answer = await attrgetter(method)(driver)(*arguments, **options)
    except DuplicateJob as error:
        return type(error), error.dedupe_keys
    except JobAlreadyExists as error:
        # A store may stop at the first of several batches that cannot be stored.
        return type(error), error.job_ids[0]
    except PgSchedulerError as error:
        return type(error), str(error)
    if isinstance(answer, ClaimedJob):
        return _plain(answer)
    if isinstance(answer, LaneAnswer):
        # Of computed instants each keeps what its own clock can show.
        wait = answer.next_in and timedelta(seconds=round(answer.next_in.total_seconds(), 3))
        return replace(answer, jobs=tuple(_plain(job) for job in answer.jobs), next_in=wait)
    return replace(answer, jobs=[_plain(job) for job in answer.jobs]) if method == "jobs.claim" else answer


async def _everything(driver: Driver) -> Any:
    jobs = [_plain(job) for job in await driver.insight.jobs()]
    history = [await driver.insight.attempts(job.job_id) for job in jobs]
    asked = [
        driver.insight.counts(),
        driver.insight.workers(now=NOON),
        driver.insight.pending_names(),
        driver.insight.sizes(),
        driver.limits.list_limits(),
        driver.limits.queue_limits(),
        driver.limits.paused_queues(),
    ]
    return jobs, history, [await answer for answer in asked]


def _plain(job: Any) -> Any:
    """Without the spelling of its JSON: jsonb has one of its own."""
    job = replace(job, task_data=json.loads(job.task_data))
    if isinstance(job, JobRecord) and job.result is not None:
        result: Any = ("json", json.loads(job.result))
        return replace(job, result=result)
    return job


@contextmanager
def beside(server: EmbeddedServer, library: Library) -> Iterator[type[SideBySide]]:
    """Machines that share one loop, one database and one connection, emptied for each."""
    with asyncio.Runner() as runner:
        run = runner.get_loop().run_until_complete
        dsn = run(new_database(server))
        housekeeping = run(asyncpg.connect(dsn))
        source = SHAPES[f"{library}-connection"](dsn, "public")
        driver = run(source.__aenter__())
        run(driver.open())
        run(driver.schema.install())
        try:
            with patch.object(submitting, "WORTH_COPYING", 2):

                class Machine(SideBySide):
                    def __init__(self) -> None:
                        super().__init__(run, driver, housekeeping)

                yield Machine
        finally:
            run(source.__aexit__(None, None, None))
            run(housekeeping.close())


@pytest.mark.slow
@pytest.mark.timeout(max(300, EXAMPLES * 4))
def test_the_drivers_agree(server: EmbeddedServer, library: Library) -> None:
    with beside(server, library) as machine:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                suppress_health_check=list(HealthCheck),
                phases=set(Phase) if ASKED_FOR else set(Phase) - {Phase.shrink},
                print_blob=True,
            ),
        )
