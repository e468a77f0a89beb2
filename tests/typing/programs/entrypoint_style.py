# pyright: strict
"""A program in the entrypoint style, without a mistake."""

from datetime import timedelta
from typing import Any, assert_type

from pg_scheduler import (
    Context,
    Job,
    JobFailed,
    JobHandle,
    PgQueuer,
    Queries,
    RetryPolicy,
    Schedule,
    SyncQueries,
)
from pg_scheduler.executors import (
    AbstractScheduleExecutor,
    EntrypointExecutor,
    RetryWithBackoffEntrypointExecutor,
)

app = PgQueuer("postgresql://x", max_concurrent_jobs=5, resources={"http": object()})


def failed(job: Job, error: JobFailed) -> None: ...


@app.entrypoint("send", concurrency_limit=4, requests_per_second=10, retry=RetryPolicy(), on_failure=failed)
async def send(job: Job) -> bytes:
    return job.payload or b""


@app.entrypoint("plain", retry=3, timeout=timedelta(seconds=3), on_failure="hold")
def plain(job: Job) -> int:
    return job.priority


@app.entrypoint("object")
async def of_anything(job: object) -> None: ...


@app.entrypoint("context", accepts_context=True)
async def with_context(job: Job, context: Context) -> None:
    context.progress(1, 2)


@app.entrypoint("own", executor_factory=RetryWithBackoffEntrypointExecutor)
async def own(job: Job) -> None: ...


@app.entrypoint("other", executor_factory=EntrypointExecutor, accepts_context=True)
async def other(job: Job, context: Context) -> None: ...


class Nightly(AbstractScheduleExecutor):
    async def execute(self, schedule: Schedule) -> None: ...


@app.schedule("cron", "* * * * *", timezone="Europe/London", catch_up="all", overlap="allow")
async def cron(schedule: Schedule) -> str:
    return schedule.id


@app.schedule("nightly", "@daily", Nightly)
async def nightly() -> None: ...


async def main(job: Job, schedule: Schedule) -> None:
    assert_type(await send(job), bytes)
    assert_type(plain(job), int)
    assert_type(await cron(schedule), str)
    assert_type(
        await app.queries.enqueue("send", b"x", priority=2, on_duplicate="ignore"), list[JobHandle[Any]]
    )
    await app.queries.enqueue(["send", "send"], [b"x", None], execute_after=timedelta(seconds=3))
    await app.run(mode="drain")
    async with PgQueuer("postgresql://x", library="asyncpg") as inner:
        assert_type(inner, PgQueuer)
    async with Queries("postgresql://x") as queries:
        assert_type(queries, Queries)
    with SyncQueries("postgresql://x") as blocking:
        assert_type(blocking, SyncQueries)
    assert_type(PgQueuer.in_memory(misfire_grace_time=None), PgQueuer)
