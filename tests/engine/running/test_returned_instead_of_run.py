"""Functions that return what should have run: a coroutine is awaited, a generator is refused."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from pg_scheduler import InvalidInput, NotAsyncFunction, PgQueuer, Scheduler, task
from pg_scheduler.testing import MemoryDriver, drain
from tests.support.running import past

ran: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def note(text: str = "ran") -> str:
    ran.append(text)
    return text


def logged(func: Callable[..., Any]) -> Callable[..., Any]:
    """An ordinary decorator, written for any function."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


def wrapped(text: str = "ran") -> Awaitable[str]:
    return note(text)


async def forgot_to_await() -> Any:
    return note()


class Awaited:
    def __await__(self) -> Generator[Any, Any, str]:
        return note().__await__()


async def rows() -> Any:
    ran.append("rows")
    yield 1


def lines() -> Any:
    ran.append("lines")
    yield 1


def wrapped_lines() -> Any:
    return lines()


def wrapped_rows() -> Any:
    return rows()


async def result_of(scheduler: Scheduler, func: Any, **options: Any) -> tuple[str, Any]:
    handle = await scheduler.schedule(func, execution_time=past(), store_result=True, **options)
    await drain(scheduler)
    record = await scheduler.job(handle)
    assert record is not None
    return str(record.status), record.error_message or record.result


@pytest.mark.parametrize("executor", ["thread", "process"])
async def test_the_coroutine_that_a_wrapper_returns_is_awaited(executor: str) -> None:
    scheduler = Scheduler(MemoryDriver())
    assert await result_of(scheduler, wrapped, executor=executor) == ("completed", '"ran"')
    assert ran == (["ran"] if executor == "thread" else [])
    await scheduler.shutdown()


@pytest.mark.parametrize(
    ("func", "executor"), [(forgot_to_await, None), (lambda: Awaited(), "thread"), (logged(note), "thread")]
)
async def test_whatever_must_be_awaited_is(func: Any, executor: Any) -> None:
    scheduler = Scheduler(MemoryDriver())
    scheduler.register(func, name="task", executor=executor)
    assert await result_of(scheduler, func) == ("completed", '"ran"')
    assert ran == ["ran"]


async def test_an_entrypoint_or_schedule_behind_a_wrapper_runs() -> None:
    app = PgQueuer.in_memory()

    @app.entrypoint("mail")
    @logged
    async def mail(job: Any) -> None:
        ran.append("mail")

    @app.schedule("tick", "* * * * *")
    @logged
    async def tick(schedule: Any) -> None:
        ran.append("tick")

    await app.queries.enqueue("mail")
    await app.queries.enqueue("tick")
    await drain(app.scheduler)
    assert sorted(ran) == ["mail", "tick"]


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("func", [wrapped_lines, wrapped_rows])
async def test_a_generator_of_which_nothing_has_run_fails_its_job(func: Any, executor: str) -> None:
    scheduler = Scheduler(MemoryDriver())
    status, message = await result_of(scheduler, func, executor=executor)
    assert status == "failed"
    assert f"the generator of {func.__name__.removeprefix('wrapped_')}" in message
    await scheduler.shutdown()


async def test_a_generator_expression_is_a_result_like_others() -> None:
    def squares() -> Any:
        ran.append("squares")
        return (number**2 for number in range(3))

    scheduler = Scheduler(MemoryDriver())
    status, message = await result_of(scheduler, squares, executor="thread")
    assert (status, ran) == ("completed", ["squares"])
    assert "result not stored" in message


@pytest.mark.parametrize("func", [rows, lines, functools.partial(rows)])
@pytest.mark.parametrize("executor", [None, "thread", "process", "async"])
async def test_a_generator_function_is_refused_by_name(func: Any, executor: Any) -> None:
    scheduler = Scheduler(MemoryDriver())
    with pytest.raises(NotAsyncFunction, match="generator function"):
        scheduler.register(func, name="named", executor=executor)
    with pytest.raises(NotAsyncFunction, match="It has a yield"):
        await scheduler.schedule(func, execution_time=past(), executor=executor)


def test_generator_functions_cannot_be_entrypoints_or_schedules() -> None:
    app = PgQueuer.in_memory()
    decorators: list[Any] = [app.entrypoint("mail"), app.schedule("tick", "* * * * *")]
    for decorate in decorators:
        with pytest.raises(NotAsyncFunction, match="generator function rows"):
            decorate(rows)
        decorate(note)


async def test_an_executor_of_its_own_may_iterate_a_generator() -> None:
    class Iterating:
        async def execute(self, call: Any, context: Any) -> Any:
            return list(call.func(*call.args))

        async def close(self) -> None: ...

    def more_lines() -> Any:
        yield 1

    scheduler = Scheduler(MemoryDriver())
    assert await result_of(scheduler, task(executor=Iterating())(more_lines)) == ("completed", "[1]")


class Crunching:
    def method(self) -> None: ...


def nested() -> Any:
    def inner() -> None: ...

    return inner


@pytest.mark.parametrize("func", [nested(), Crunching().method, lambda: None, functools.partial(wrapped)])
async def test_what_another_process_cannot_find_is_refused_at_once(func: Any) -> None:
    app = PgQueuer.in_memory()
    with pytest.raises(InvalidInput, match=r"Define (it|the function) at the top level"):
        app.entrypoint("crunch", executor="process")(func)
