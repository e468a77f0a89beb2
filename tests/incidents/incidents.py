"""The incidents, and how each of them is found and ended."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pg_scheduler import JobStatus
from tests.incidents.stage import Stage
from tests.incidents.visitors import Reader, Typist
from tests.support.running import eventually


@dataclass(frozen=True)
class Incident:
    """One of them."""

    name: str
    happens: Callable[[Stage], Awaitable[None]]
    by_page: Callable[[Reader, Stage], Awaitable[None]]
    by_pgq: Callable[[Typist, Stage], Awaitable[None]]


# --- somebody paused a queue, and forgot


async def _paused(stage: Stage) -> None:
    await stage.worker()
    await stage.queries.client.pause_queue("mail", True)
    for number in range(5):
        await stage.client.using(queue="mail").enqueue("mail.send", f"{number}@example.org")
    await stage.minutes_pass(20)


async def _resumed_by_page(reader: Reader, stage: Stage) -> None:
    await reader.opens()
    await reader.reads("1 problem", "The queue 'mail' has been paused for 20 min, and holds back jobs")
    await reader.presses("Resume", "'mail'")
    await reader.reads("mail is resumed", "All is well")
    await stage.until(5, JobStatus.COMPLETED)


async def _resumed_by_pgq(typist: Typist, stage: Stage) -> None:
    await typist.types("doctor", shows=("paused", "pgq queues resume mail"))
    await typist.types("queues", "resume", "mail")
    await stage.until(5, JobStatus.COMPLETED)


# --- a queue is at its limit, and what holds the place never ends


async def _full(stage: Stage) -> None:
    await stage.worker()
    await stage.queries.client.limit_queue("reports", 1, None)
    for month in range(2, 7):
        await stage.client.using(queue="reports").enqueue("reports.build", f"2026-{month:02}")
    await stage.until(1, JobStatus.RUNNING)
    await stage.minutes_pass(20)


async def _emptied_by_page(reader: Reader, stage: Stage) -> None:
    await reader.opens()
    await reader.reads("the queue 'reports' is at its limit")
    await reader.goes("Show", "'reports'")
    await reader.reads("At most 1 of its jobs run at once")
    await reader.presses("Cancel", "reports.build")
    await stage.until(4, JobStatus.COMPLETED)


async def _emptied_by_pgq(typist: Typist, stage: Stage) -> None:
    await typist.types("doctor", shows=("lane_full", "pgq jobs list --status running --queue reports"))
    await typist.types("jobs", "list", "--status", "running", "--queue", "reports")
    await typist.types("jobs", "cancel", typist.finds(r"^([0-9a-f]{8,}\S*)"))
    await stage.until(4, JobStatus.COMPLETED)


# --- a deploy renamed a task of which jobs wait


async def _renamed(stage: Stage) -> None:
    for number in range(5):
        await stage.client.enqueue("mail.send", f"{number}@example.org")
    await stage.minutes_pass(3)
    await stage.worker("after")


async def _cancelled_by_page(reader: Reader, stage: Stage) -> None:
    await reader.opens()
    await reader.reads("No living worker knows the task 'mail.send'", "knows is 'mail.deliver'")
    await reader.goes("Show", "'mail.send'")
    await reader.reads("None: no living worker knows this task")
    await reader.goes("Cancel those that wait")
    await reader.presses("Cancel: 5 jobs")
    await reader.reads("5 jobs cancelled")
    assert await stage.number(JobStatus.CANCELLED) == 5


async def _deployed_by_pgq(typist: Typist, stage: Stage) -> None:
    await typist.types("doctor", shows=("unclaimed", "start a worker with the code of this task"), code=1)
    await typist.starts("before")
    await stage.until(5, JobStatus.COMPLETED)


# --- the API of a task fails


async def _failing(stage: Stage) -> None:
    stage.let("api-down")
    await stage.worker()
    for number in range(6):
        await stage.client.using(max_retries=number % 2).enqueue("billing.charge", number)
    await stage.until(6, JobStatus.FAILED)


async def _retried_by_page(reader: Reader, stage: Stage) -> None:
    await reader.opens()
    await reader.reads("The task 'billing.charge' fails: of the 9 attempts")
    await reader.goes("Show", "'billing.charge' fails")
    await reader.reads("ConnectionError", "503 Service Unavailable")
    stage.let("api-down", False)
    await reader.goes("Retry", "ConnectionError")
    await reader.presses("Retry: 6 jobs")
    await reader.reads("6 jobs will run again")
    await stage.until(6, JobStatus.COMPLETED)


async def _retried_by_pgq(typist: Typist, stage: Stage) -> None:
    async def is_told() -> bool:
        return (await stage.pgq("doctor"))[0] == 1

    await eventually(is_told)  # workers write their figures every ten seconds
    await typist.types("doctor", shows=("failing", "pgq failures list --task billing.charge"), code=1)
    await typist.types("failures", "list", "--task", "billing.charge", shows=("503 Service Unavailable",))
    stage.let("api-down", False)
    await typist.types("failures", "retry", typist.finds(r"^([0-9a-f]{8})\b"), "--yes")
    await stage.until(6, JobStatus.COMPLETED)


# --- the only worker is killed while it runs something


async def _killed(stage: Stage) -> None:
    stage.let("crunching")
    worker = await stage.worker()
    for number in range(3):
        await stage.client.enqueue("numbers.crunch", number)
    await stage.until(3, JobStatus.RUNNING)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    stage.let("crunching", False)

    async def is_silent() -> bool:
        return not any(one.alive for one in await stage.queries.workers())

    await eventually(is_silent)


async def _replaced_by_page(reader: Reader, stage: Stage) -> None:
    await reader.opens()
    await reader.reads("No worker runs", "fell silent", "3 jobs that ran there wait", "pgq run PATH")
    reader.steps.append("start a worker")
    await stage.worker()
    await reader.reads("All is well")
    await stage.until(3, JobStatus.COMPLETED)


async def _replaced_by_pgq(typist: Typist, stage: Stage) -> None:
    await typist.types("doctor", shows=("no_workers", "silent_worker", "pgq run PATH"), code=1)
    await typist.starts("before")
    await stage.until(3, JobStatus.COMPLETED)


INCIDENTS = (
    Incident("a queue was paused and forgotten", _paused, _resumed_by_page, _resumed_by_pgq),
    Incident("a limit is full", _full, _emptied_by_page, _emptied_by_pgq),
    Incident("a deploy renamed a task", _renamed, _cancelled_by_page, _deployed_by_pgq),
    Incident("an API fails", _failing, _retried_by_page, _retried_by_pgq),
    Incident("a worker died", _killed, _replaced_by_page, _replaced_by_pgq),
)
