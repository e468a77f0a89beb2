"""What the engine tells about itself."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler import RetryPolicy, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from tests.support.running import eventually, past


class Recorder:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, str]] = []
        self.services: set[str] = set()

    def job_started(self, job: ClaimedJob) -> None:
        self.jobs.append((job.job_id, "started"))

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        assert took >= timedelta(0)
        self.jobs.append((job.job_id, f"{verdict.event} {accepted}"))

    def pass_finished(self, service: str) -> None:
        self.services.add(service)


class Rude:
    """Raises whatever it hears."""

    def job_started(self, job: ClaimedJob) -> None:
        raise RuntimeError

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        raise RuntimeError

    def pass_finished(self, service: str) -> None:
        raise RuntimeError


async def test_an_observer_hears_every_attempt_and_a_rude_one_harms_nobody(
    dsn: str, library: Library
) -> None:
    tries: list[int] = []

    async def fails_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError

    recorder = Recorder()
    async with Scheduler.connect(
        dsn,
        library=library,
        observers=[Rude(), recorder],
        retry_policy=RetryPolicy(base=timedelta(0)),
    ) as scheduler:
        handle = await scheduler.schedule(fails_once, execution_time=past(), max_retries=1)
        assert await handle.wait(timeout=45) == "completed"
        await eventually(lambda: len(recorder.jobs) == 4)
        await eventually(lambda: {"claimer", "settler", "lease keeper"} <= recorder.services)
    # A retry that is due at once may start before this worker hears that its predecessor is settled.
    told = sorted(["started", "retry True", "started", "complete True"])
    assert sorted(recorder.jobs) == [(str(handle), what) for what in told]
