"""Executors of people's own: whatever they do harms only their own job."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pg_scheduler import Context, InvalidInput, Job, JobFailed, JobStatus, PgQueuer, Queries
from pg_scheduler.executors import (
    AbstractEntrypointExecutor,
    EntrypointExecutor,
    EntrypointExecutorParameters,
)
from tests.support.running import within

pytestmark = pytest.mark.slow_with("psycopg")


class Recording(AbstractEntrypointExecutor):
    """Runs nothing, remembers everything."""

    def __init__(self, parameters: EntrypointExecutorParameters) -> None:
        super().__init__(parameters)
        self.ran: list[tuple[bytes | None, str]] = []
        self.closed = 0

    async def execute(self, job: Job, context: Context) -> str:
        self.ran.append((job.data, context.job_id))
        return f"by {self.parameters.name}"

    async def close(self) -> None:
        self.closed += 1


class Raising(Recording):
    """Fails."""

    async def execute(self, job: Job, context: Context) -> str:
        raise OSError("no route")


class Hanging(Recording):
    """Does not end by itself."""

    async def execute(self, job: Job, context: Context) -> str:
        await asyncio.sleep(3600)
        return "late"


class Unstorable(Recording):
    """Returns what JSON cannot carry."""

    async def execute(self, job: Job, context: Context) -> Any:
        return object()


class NotAsync(Recording):
    """Forgot the async."""

    def execute(self, job: Job, context: Context) -> Any:
        return "not awaitable"


class Unclosable(Recording):
    """Cannot even be closed."""

    def close(self) -> None:  # type: ignore[override]
        raise OSError("stuck")


async def handler(job: Job) -> str:
    """Is not called by the recording ones."""
    return f"handled {job.id}"


async def test_an_executor_of_ones_own_runs_the_jobs(pgq: PgQueuer, client: Queries) -> None:
    made: list[Recording] = []

    def factory(parameters: EntrypointExecutorParameters) -> Recording:
        made.append(Recording(parameters))
        return made[-1]

    pgq.entrypoint("a", executor_factory=factory, concurrency_limit=3, serialized_dispatch=False)(handler)
    handles = await client.enqueue("a", [b"1", b"2"], store_result=True)
    async with pgq:
        assert [await handle.result(20) for handle in handles] == ["by a"] * 2
    (executor,) = made
    assert sorted(executor.ran) == [(b"1", handles[0]), (b"2", handles[1])]
    assert executor.closed == 1
    parameters = executor.parameters
    assert (parameters.name, parameters.func, parameters.concurrency_limit) == ("a", handler, 3)
    assert not parameters.serialized_dispatch


def test_unknown_fields_of_the_parameters_are_kept() -> None:
    parameters = EntrypointExecutorParameters(handler, channel="later version", connection=None)
    assert vars(parameters)["channel"] == "later version"
    assert parameters.name == "handler"
    assert EntrypointExecutor(parameters).parameters is parameters


@pytest.mark.parametrize(
    ("factory", "status", "says"),
    [
        (Raising, JobStatus.FAILED, "OSError: no route"),
        (Hanging, JobStatus.FAILED, "JobTimeout"),
        (NotAsync, JobStatus.FAILED, "TypeError"),
        (Unstorable, JobStatus.COMPLETED, "result not stored"),
        (Unclosable, JobStatus.COMPLETED, None),
    ],
)
async def test_a_bad_executor_harms_only_its_own_job(
    factory: type[Recording], status: JobStatus, says: str | None, pgq: PgQueuer, client: Queries
) -> None:
    pgq.entrypoint("bad", executor_factory=factory, timeout=0.2)(handler)

    @pgq.entrypoint("good")
    async def good(job: Job) -> None: ...

    bad, *others = await client.enqueue(["bad", "good", "good"], store_result=True)
    async with pgq:
        assert await bad.wait(20) is status
        assert [await other.wait(20) for other in others] == [JobStatus.COMPLETED] * 2
    record = await client.job(bad)
    assert record is not None
    assert says is None or says in (record.error_message or "")


async def test_a_factory_that_fails_leaves_the_name_free_and_the_others_alone() -> None:
    pgq = PgQueuer.in_memory()

    def broken(parameters: EntrypointExecutorParameters) -> Any:
        raise OSError("no configuration")

    with pytest.raises(OSError, match="no configuration"):
        pgq.entrypoint("a", executor_factory=broken)(handler)
    with pytest.raises(InvalidInput, match="executor_factory: made None"):
        pgq.entrypoint("a", executor_factory=lambda parameters: None)(handler)
    pgq.entrypoint("a", executor_factory=EntrypointExecutor)(handler)
    (handle,) = await pgq.queries.enqueue("a", store_result=True)
    await within(pgq.run(mode="drain"))
    assert await handle.result() == f"handled {handle}"


async def test_an_abstract_executor_must_say_how_to_execute() -> None:
    with pytest.raises(TypeError, match="execute"):
        AbstractEntrypointExecutor(EntrypointExecutorParameters(handler))  # type: ignore[abstract]


async def test_the_default_executor_of_a_subclass_runs_both_kinds_of_functions(
    pgq: PgQueuer, client: Queries
) -> None:
    class Shouting(EntrypointExecutor):
        async def execute(self, job: Job, context: Context) -> Any:
            return str(await super().execute(job, context)).upper()

    @pgq.entrypoint("async", executor_factory=Shouting)
    async def whisper(job: Job) -> str:
        return "a"

    @pgq.entrypoint("sync", executor_factory=Shouting, accepts_context=True)
    def murmur(job: Job, context: Context) -> str:
        assert context.job_id == job.id
        return "b"

    failing, passing = await client.enqueue(["async", "sync"], store_result=True)
    async with pgq:
        assert [await failing.result(20), await passing.result(20)] == ["A", "B"]


async def test_a_cancellation_reaches_into_an_executor(pgq: PgQueuer, client: Queries) -> None:
    pgq.entrypoint("hang", executor_factory=Hanging)(handler)
    (handle,) = await client.enqueue("hang")
    async with pgq:
        while await handle.status() is not JobStatus.RUNNING:
            await asyncio.sleep(0.01)
        await client.mark_job_as_cancelled(handle)
        with pytest.raises(JobFailed, match="cancelled"):
            await handle.result(20)


async def test_a_function_that_no_worker_process_can_find_is_refused_at_its_decoration() -> None:
    pgq = PgQueuer.in_memory()

    def nested(job: Job) -> None: ...

    with pytest.raises(InvalidInput, match=r"func: .*<locals>\.nested cannot be found by another process"):
        pgq.entrypoint("crunch", executor="process")(nested)
    pgq.entrypoint("crunch", executor="thread")(nested)  # the name is free
