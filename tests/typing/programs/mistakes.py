"""More mistakes: in the typed forms, and with what they give back."""

from datetime import UTC, datetime, timedelta

from pg_scheduler import (
    Context,
    Job,
    PgQueuer,
    QueueManager,
    Schedule,
    Scheduler,
    SchedulerManager,
    SyncScheduler,
    call,
    periodic,
    task,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
scheduler = Scheduler("postgresql://x")
app = PgQueuer("postgresql://x")


async def greet(name: str, times: int = 1) -> str:
    return name * times


def square(number: int) -> int:
    return number * number


@task
async def send(to: str, *, subject: str = "") -> bytes:
    return f"{to}: {subject}".encode()


@task(executor="thread")
def resize(picture: str, width: int) -> float:
    return width / 2


@task(max_retries="5")  # wrong: type of max_retries
async def t1() -> None: ...


@task(retries=5)  # wrong: typo in an option
async def t2() -> None: ...


@task(priority="high")  # wrong: type of priority
async def t3() -> None: ...


@periodic(every=timedelta(1), catch_up="some")  # wrong: no such choice
async def p1() -> None: ...


async def calls() -> None:
    call(greet)  # wrong: an argument is missing
    call(greet, 5)  # wrong: type of an argument
    call(square, "5")  # wrong: type of an argument
    await scheduler.enqueue(square, number="5")  # wrong: type of an argument
    await scheduler.schedule(call(greet, "Ada"), args=("Ada",))  # wrong: a call has its arguments
    await scheduler.schedule(call(greet, "Ada"), delay="5")  # wrong: type of delay
    await scheduler.using(dellay=5).enqueue(greet, "Ada")  # wrong: typo in an option
    await scheduler.using(delay=5).enqueue(greet, 5)  # wrong: type of an argument
    await scheduler.using(at=5).enqueue(greet, "Ada")  # wrong: type of at
    await scheduler.enqueue_many([greet])  # wrong: no call
    number: int = await (await scheduler.enqueue(greet, "Ada")).result()  # wrong: the result is a str
    print(number)


async def tasks() -> None:
    await send("Ada", 5)  # wrong: subject is keyword only
    await send.enqueue()  # wrong: an argument is missing
    await send.enqueue("Ada", subjct="Hi")  # wrong: typo in a keyword
    await send.enqueue(5)  # wrong: type of an argument
    await resize.enqueue("a.png", width="5")  # wrong: type of an argument
    send.enqueue_sync(5)  # wrong: type of an argument
    send.call(5)  # wrong: type of an argument
    send.using(prioritty=5)  # wrong: typo in an option
    send.using(scheduler=5)  # wrong: no scheduler
    await send.using(delay=5).enqueue(5)  # wrong: type of an argument
    await send.enqueue_many([resize.call("a.png", 5)])  # wrong: another task's call
    text: str = await (await send.enqueue("Ada")).result()  # wrong: the result is bytes
    print(text)


async def options() -> None:
    Scheduler.from_env({}, schemma="x")  # wrong: typo in an option
    Scheduler.connect("postgresql://x", library="mysql")  # wrong: no such choice
    PgQueuer("postgresql://x", max_concurent_jobs=3)  # wrong: typo in an option
    PgQueuer.in_memory(clok=None)  # wrong: typo in an option
    QueueManager("postgresql://x", max_concurent_jobs=3)  # wrong: typo in an option
    SchedulerManager("postgresql://x", max_concurent_jobs=3)  # wrong: typo in an option
    await scheduler.add_schedule(greet, every=5)  # wrong: type of every
    await scheduler.add_schedule(greet, overlap="skipp")  # wrong: no such choice
    await scheduler.update_schedule("k", enabled=True)  # wrong: pause_schedule does that
    status = await scheduler.schedule_status("k")
    if status is not None:
        print(status["nxt_run"])  # wrong: typo in a key


@app.entrypoint("a")  # wrong: a context comes only with accepts_context
async def a(job: Job, context: Context) -> None: ...


@app.entrypoint("b", accepts_context=True)  # wrong: it takes no context
async def b(job: Job) -> None: ...


@app.entrypoint("c", on_failure="drop")  # wrong: no such choice
async def c(job: Job) -> None: ...


@app.schedule("d", "* * * * *")  # wrong: it gets a Schedule
async def d(job: Job) -> None: ...


@app.schedule("e", "* * * * *", overlap="skipp")  # wrong: no such choice
async def e(schedule: Schedule) -> None: ...


@app.entrypoint("f")
async def f(job: Job) -> int:
    return job.priority


async def decorated(job: Job) -> None:
    await f("job")  # wrong: a decorated function keeps its type
    text: str = await f(job)  # wrong: a decorated function keeps its type
    print(text)


SyncScheduler("postgresql://x").enqueue(greet, 3)  # wrong: type of an argument
