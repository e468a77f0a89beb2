"""A user's project: every line that ends in ``# wrong:`` holds a mistake, and no other line does."""

import asyncio
from datetime import UTC, datetime, timedelta

from pg_scheduler import Job, JobSpec, PgQueuer, Scheduler, periodic, task


async def greet(name: str, times: int = 1) -> str:
    return name * times


scheduler1 = Scheduler.connect("postgresql://x", max_concurent_jobs=3)  # wrong: typo in an option
scheduler2 = Scheduler("postgresql://x", max_concurent_jobs=3)  # wrong: typo in the constructor
scheduler3 = Scheduler(42)  # wrong: no source
scheduler = Scheduler.connect("postgresql://x")


@task(timeout="soon")  # wrong: type of timeout
async def t1(a: int) -> int:
    return a


@periodic(every=5)  # wrong: type of every
async def p1() -> None: ...


app = PgQueuer("postgresql://x")


@app.entrypoint("send", concurency_limit=3)  # wrong: typo in an option
async def send(job: Job) -> None: ...


@app.entrypoint("send2")  # wrong: the handler takes no job
async def send2(job: int) -> None: ...


@app.qm.entrypoint("send3", concurency_limit=3)  # wrong: typo in an option of the manager itself
async def send3(job: Job) -> None: ...


@app.schedule("cron", "* * * * *", time_zone="UTC")  # wrong: typo in an option
async def cron(s: object) -> None: ...


async def main() -> None:
    now = datetime.now(UTC)
    await scheduler.enqueue(greet, 1, 2, 3)  # wrong: positional arguments
    await scheduler.enqueue(greet, nme=1)  # wrong: keyword argument
    await scheduler.schedule(greet, execution_time="now")  # wrong: type of execution_time
    await scheduler.schedule(greet, execution_time=now, priority="high")  # wrong: type of priority
    await scheduler.schedule(greet, execution_time=now, prioritty=1)  # wrong: typo in an option
    await scheduler.add_schedule(greet, evry=timedelta(1))  # wrong: typo in an option
    await scheduler.update_schedule("k", jiter=1)  # wrong: typo in an option
    JobSpec(greet, now, args=("x",), prioritty=1)  # wrong: typo in an option
    await scheduler.schedule_bulk([(greet, now)])  # wrong: no JobSpec
    await app.queries.enqueue("send", "text")  # wrong: type of the payload
    await app.queries.enqueue("send", b"x", on_duplicate="ignroe")  # wrong: no such choice
    await app.run(mode="drian")  # wrong: no such choice


asyncio.run(main())
