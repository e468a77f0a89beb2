"""One verb, said in every style that the product has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from click.testing import CliRunner

from pg_scheduler import JobSpec, JobStatus, Queries, Scheduler, SyncQueries, SyncScheduler
from pg_scheduler.client.source import Library
from pg_scheduler_cli.main import main
from tests.support.running import past


class Style(Protocol):
    """Stores jobs of entrypoints, and asks about them."""

    async def store(self, entrypoint: str, number: int = 1, *, delay: float = 0) -> list[str]:
        """Jobs without payload that keep their results where the style can ask for that; their ids."""
        ...

    async def store_twice(self, entrypoint: str, delay: float) -> tuple[str, str]:
        """Two equal jobs of which only one may be stored; the ids that the callers get."""
        ...

    async def cancel(self, job_id: str) -> bool:
        """Whether there was something to cancel."""
        ...

    async def retry(self, *job_ids: str) -> list[str]:
        """What a wish to run them once more met."""
        ...

    async def reopen(self, job_id: str) -> None:
        """Make it run once more, ended or not."""
        ...

    async def status(self, job_id: str) -> JobStatus:
        """The status as stored."""
        ...

    async def outcomes(self, job_id: str) -> list[str]:
        """What its attempts came to, of those that did not complete it."""
        ...

    async def wait(self, job_id: str) -> JobStatus:
        """How it ended."""
        ...

    async def result(self, job_id: str) -> Any:
        """What it returned."""
        ...


class FunctionStyle:
    """`Scheduler`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    async def store(self, entrypoint: str, number: int = 1, *, delay: float = 0) -> list[str]:
        at = past() + timedelta(seconds=delay)
        return [
            await self._scheduler.schedule(entrypoint, execution_time=at, store_result=True)
            for _ in range(number)
        ]

    async def store_twice(self, entrypoint: str, delay: float) -> tuple[str, str]:
        at = past() + timedelta(seconds=delay)
        first, second = [
            await self._scheduler.schedule(entrypoint, execution_time=at, deduplicate=True) for _ in "ab"
        ]
        return first, second

    async def cancel(self, job_id: str) -> bool:
        return await self._scheduler.cancel_job(job_id)

    async def retry(self, *job_ids: str) -> list[str]:
        return [str(answer) for answer in await self._scheduler.retry(job_ids)]

    async def reopen(self, job_id: str) -> None:
        await self._scheduler.update_job_status(job_id, "pending")

    async def status(self, job_id: str) -> JobStatus:
        return await self._scheduler.handle(job_id).status()

    async def outcomes(self, job_id: str) -> list[str]:
        return [str(attempt.outcome) for attempt in await self._scheduler.attempts(job_id)]

    async def wait(self, job_id: str) -> JobStatus:
        return await self._scheduler.handle(job_id).wait(40)

    async def result(self, job_id: str) -> Any:
        return await self._scheduler.handle(job_id).result(40)


class BlockingFunctionStyle:
    """`SyncScheduler`, in a thread."""

    def __init__(self, scheduler: SyncScheduler) -> None:
        self._scheduler = scheduler

    async def store(self, entrypoint: str, number: int = 1, *, delay: float = 0) -> list[str]:
        at = past() + timedelta(seconds=delay)
        specs = [JobSpec(entrypoint, at, store_result=True) for _ in range(number)]
        if number > 1:
            stored = await asyncio.to_thread(self._scheduler.schedule_bulk, specs)
            return [job_id for job_id in stored if job_id is not None]
        return [
            await asyncio.to_thread(
                self._scheduler.schedule, entrypoint, execution_time=at, store_result=True
            )
        ]

    async def store_twice(self, entrypoint: str, delay: float) -> tuple[str, str]:
        at = past() + timedelta(seconds=delay)
        first, second = [
            await asyncio.to_thread(self._scheduler.schedule, entrypoint, execution_time=at, deduplicate=True)
            for _ in "ab"
        ]
        return first, second

    async def cancel(self, job_id: str) -> bool:
        return await asyncio.to_thread(self._scheduler.cancel_job, job_id)

    async def retry(self, *job_ids: str) -> list[str]:
        return [str(answer) for answer in await asyncio.to_thread(self._scheduler.retry, job_ids)]

    async def reopen(self, job_id: str) -> None:
        await self.retry(job_id)

    async def status(self, job_id: str) -> JobStatus:
        record = await asyncio.to_thread(self._scheduler.job, job_id)
        assert record is not None
        return record.status

    async def outcomes(self, job_id: str) -> list[str]:
        return await asyncio.to_thread(self._outcomes, job_id)

    def _outcomes(self, job_id: str) -> list[str]:
        return [str(attempt.outcome) for attempt in self._scheduler.attempts(job_id)]

    async def wait(self, job_id: str) -> JobStatus:
        return await asyncio.to_thread(self._scheduler.wait, job_id, 40)

    async def result(self, job_id: str) -> Any:
        return await asyncio.to_thread(self._scheduler.result, job_id, 40)


class EntrypointStyle:
    """`Queries`, sharing a scheduler or on a connection of its own."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def store(self, entrypoint: str, number: int = 1, *, delay: float = 0) -> list[str]:
        after = timedelta(seconds=delay)
        names = entrypoint if number == 1 else [entrypoint] * number
        return list(await self._queries.enqueue(names, execute_after=after, store_result=True))

    async def store_twice(self, entrypoint: str, delay: float) -> tuple[str, str]:
        after = timedelta(seconds=delay)
        (first,), (second,) = [
            await self._queries.enqueue(
                entrypoint, execute_after=after, dedupe_key="k", on_duplicate="ignore"
            )
            for _ in "ab"
        ]
        return first, second

    async def cancel(self, job_id: str) -> bool:
        return await self._queries.cancel_job(job_id)

    async def retry(self, *job_ids: str) -> list[str]:
        return [str(answer) for answer in await self._queries.retry(job_ids)]

    async def reopen(self, job_id: str) -> None:
        await self._queries.retry_job(job_id)

    async def status(self, job_id: str) -> JobStatus:
        return (await self._queries.job_status([job_id]))[job_id]

    async def outcomes(self, job_id: str) -> list[str]:
        return [str(attempt.outcome) for attempt in await self._queries.log(job_id)]

    async def wait(self, job_id: str) -> JobStatus:
        return await self._queries.handle(job_id).wait(40)

    async def result(self, job_id: str) -> Any:
        return await self._queries.handle(job_id).result(40)


class BlockingStyle:
    """`SyncQueries`, in a thread."""

    def __init__(self, queries: SyncQueries) -> None:
        self._queries = queries

    async def store(self, entrypoint: str, number: int = 1, *, delay: float = 0) -> list[str]:
        after = timedelta(seconds=delay)
        names = entrypoint if number == 1 else [entrypoint] * number
        return await asyncio.to_thread(self._queries.enqueue, names, execute_after=after, store_result=True)

    async def store_twice(self, entrypoint: str, delay: float) -> tuple[str, str]:
        after = timedelta(seconds=delay)
        (first,), (second,) = [
            await asyncio.to_thread(
                self._queries.enqueue,
                entrypoint,
                execute_after=after,
                dedupe_key="k",
                on_duplicate="ignore",
            )
            for _ in "ab"
        ]
        return first, second

    async def cancel(self, job_id: str) -> bool:
        return await asyncio.to_thread(self._queries.cancel_job, job_id)

    async def retry(self, *job_ids: str) -> list[str]:
        return [str(answer) for answer in await asyncio.to_thread(self._queries.retry, job_ids)]

    async def reopen(self, job_id: str) -> None:
        await asyncio.to_thread(self._queries.retry_job, job_id)

    async def status(self, job_id: str) -> JobStatus:
        return (await asyncio.to_thread(self._queries.job_status, [job_id]))[job_id]

    async def outcomes(self, job_id: str) -> list[str]:
        return [str(each.outcome) for each in await asyncio.to_thread(self._queries.log, job_id)]

    async def wait(self, job_id: str) -> JobStatus:
        return await asyncio.to_thread(self._queries.wait, job_id, 40)

    async def result(self, job_id: str) -> Any:
        return await asyncio.to_thread(self._queries.result, job_id, 40)


class CommandLine:
    """`pgq`, in this process. It does not wait for jobs, so it looks at them until they have ended."""

    def __init__(self, dsn: str, library: Library) -> None:
        self._where = ["--dsn", dsn, "--library", library, "--json"]

    async def _said(self, *arguments: str) -> Any:
        done = await asyncio.to_thread(CliRunner().invoke, main, ["jobs", *arguments, *self._where])
        assert done.exit_code in (0, 1), done.output
        return json.loads(done.stdout)

    async def store(self, entrypoint: str, number: int = 1, *, delay: float = 0) -> list[str]:
        return [(await self._said("enqueue", entrypoint, "--delay", str(delay)))["id"] for _ in range(number)]

    async def store_twice(self, entrypoint: str, delay: float) -> tuple[str, str]:
        options = ["--delay", str(delay), "--dedupe-key", "k"]
        first = (await self._said("enqueue", entrypoint, *options))["id"]
        refused = await asyncio.to_thread(
            CliRunner().invoke, main, ["jobs", "enqueue", entrypoint, *options, *self._where]
        )
        assert "already exists" in refused.output
        return first, first  # it has no --on-duplicate: whose job stands is in the answer to nobody

    async def cancel(self, job_id: str) -> bool:
        return (await self._said("cancel", job_id))[0]["answer"] in ("cancelled", "requested")

    async def retry(self, *job_ids: str) -> list[str]:
        return [one["answer"] for one in await self._said("retry", *job_ids)]

    async def reopen(self, job_id: str) -> None:
        assert (await self._said("retry", job_id))[0]["answer"] == "retried"

    async def status(self, job_id: str) -> JobStatus:
        return JobStatus((await self._said("show", job_id))["status"])

    async def outcomes(self, job_id: str) -> list[str]:
        return [each["outcome"] for each in (await self._said("show", job_id))["history"]]

    async def wait(self, job_id: str) -> JobStatus:
        while not (status := await self.status(job_id)).finished:
            await asyncio.sleep(0.05)
        return status

    async def result(self, job_id: str) -> Any:
        await self.wait(job_id)
        return json.loads((await self._said("show", job_id))["result"] or "null")


MakeStyle = Callable[[], Style]
