"""A client without an event loop: its waits block, and it is as patient as any other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from pg_scheduler import JobStatus, WaitTimeout
from pg_scheduler.client.blocking import ThreadLock, blocking_client
from pg_scheduler.client.enqueue_request import EnqueueRequest, batch_of
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import TransientDatabaseError
from pg_scheduler.domain.model import NewJob
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.testing import MemoryDriver

_T = TypeVar("_T")


def finish(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    result: _T = ended.value.value
    return result


def a_job() -> NewJob:
    (job,) = batch_of(
        EnqueueRequest("work", None, 0, None, None, None, None, 0, None, False, None), SystemClock()
    )
    return job


def test_a_submission_that_the_server_rolled_back_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = MemoryDriver()
    submit, failures = driver.jobs.submit, [TransientDatabaseError("as planned")]
    slept: list[float] = []

    async def flaky(jobs: Sequence[NewJob], *args: Any, **options: Any) -> list[Submission]:
        if failures:
            raise failures.pop()
        return await submit(jobs, *args, **options)

    monkeypatch.setattr(driver.jobs, "submit", flaky)
    monkeypatch.setattr(time, "sleep", slept.append)
    client, job = blocking_client(driver), a_job()
    assert finish(client.store([job], ConflictResolution.RAISE)) == [(job.job_id, Submission.INSERTED)]
    assert len(slept) == 1


def test_a_wait_looks_ever_more_rarely_and_ends_with_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    client, job = blocking_client(MemoryDriver()), a_job()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 20:
            finish(client.cancel_job(job.job_id))

    monkeypatch.setattr(time, "sleep", sleep)
    finish(client.store([job], ConflictResolution.RAISE))
    assert finish(client.wait(job.job_id)) is JobStatus.CANCELLED
    assert slept == sorted(slept)
    assert (slept[0], slept[-1]) == (0.02, 1.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_lock_that_was_held_at_a_fork_is_free_in_the_forked_process() -> None:
    """The thread that held it does not exist there."""
    lock = ThreadLock()
    finish(lock.__aenter__())
    if (child := os.fork()) == 0:
        signal.alarm(5)  # ends a process that waits for ever
        finish(lock.__aenter__())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_wait_is_over_when_its_time_is_over() -> None:
    client, job = blocking_client(MemoryDriver()), a_job()
    finish(client.store([job], ConflictResolution.RAISE))
    with pytest.raises(WaitTimeout):
        client.wait(job.job_id, 0.05).send(None)
